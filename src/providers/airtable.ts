import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

/**
 * Airtable. A refresh token that is used twice can end the user's whole integration.
 *
 * @see [Airtable](https://airtable.com/developers/web/api/oauth-reference)
 */
export const airtable: ProviderFactory<'optional'> = defineProvider({
  id: 'airtable',
  name: 'Airtable',
  docs: 'https://airtable.com/developers/web/api/oauth-reference',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://airtable.com/oauth2/v1/authorize',
      token: 'https://airtable.com/oauth2/v1/token',
      userinfo: 'https://api.airtable.com/v0/meta/whoami',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['user.email:read'],
    rotation: 'always',
    rules: ADDRESSES_ONLY,
    identity: { subject: 'id', email: 'email' },
    revocation: { style: 'none' },
  },
})
