import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'

/**
 * Discord. One revocation ends every token of this user and application. For `allow`, `org:` is the id of a server.
 *
 * @see [Discord](https://docs.discord.com/developers/topics/oauth2)
 */
export const discord: ProviderFactory<'required'> = defineProvider({
  id: 'discord',
  name: 'Discord',
  docs: 'https://docs.discord.com/developers/topics/oauth2',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://discord.com',
    endpoints: {
      authorization: 'https://discord.com/oauth2/authorize',
      token: 'https://discord.com/api/oauth2/token',
      revocation: 'https://discord.com/api/oauth2/token/revoke',
      userinfo: 'https://discord.com/api/users/@me',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['identify', 'email'],
    rotation: 'always',
    rules: { ...ADDRESSES_ONLY, org: DIGITS, sub: DIGITS },
    identity: {
      subject: 'id',
      email: 'email',
      emailVerified: 'verified',
      name: 'global_name',
      otherName: 'username',
    },
    memberships: {
      scopes: ['guilds'],
      request: { url: 'https://discord.com/api/users/@me/guilds', orgs: 'id' },
    },
    revocation: { style: 'rfc7009', ends: 'authorization' },
  },
})
