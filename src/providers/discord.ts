import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Discord. The revocation of one token revokes all.
 *
 * @see [Discord](https://docs.discord.com/developers/topics/oauth2)
 */
export const discord: ProviderFactory<'required'> = defineProvider({
  id: 'discord',
  name: 'Discord',
  docs: 'https://docs.discord.com/developers/topics/oauth2',
  verified: '2026-11-22',
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
    identity: {
      subject: 'id',
      email: 'email',
      emailVerified: 'verified',
      name: 'global_name',
      otherName: 'username',
    },
  },
})
