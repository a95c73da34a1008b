import { defineProvider, type ProviderFactory } from './define.ts'
import { IDENTITY } from './parts/openid.ts'
import { ADDRESSES_ONLY, GUIDS } from './parts/rule-names.ts'

/**
 * Xero. `org:` is the id of a connected organization. It does not say whether addresses are verified. A refresh token
 * works once, with half an hour of grace for a lost response. Revocation removes every connection of the user to the app.
 *
 * @see [Xero](https://developer.xero.com/documentation/guides/oauth2/auth-flow/)
 */
export const xero: ProviderFactory<'required'> = defineProvider({
  id: 'xero',
  name: 'Xero',
  docs: 'https://developer.xero.com/documentation/guides/oauth2/auth-flow/',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://identity.xero.com',
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: [...IDENTITY, 'offline_access'],
    rotation: 'always',
    rules: { ...ADDRESSES_ONLY, org: GUIDS },
    identity: { subject: 'sub', email: 'email', name: 'name', otherName: 'preferred_username' },
    memberships: { request: { url: 'https://api.xero.com/connections', orgs: 'tenantId' } },
    revocation: { style: 'rfc7009', only: 'refresh_token', ends: 'authorization' },
  },
})
