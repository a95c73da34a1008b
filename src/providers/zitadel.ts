import { defineProvider, type ProviderFactory, url } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * ZITADEL, by its address. The rotation of its refresh tokens is not confirmed.
 *
 * @see [ZITADEL](https://zitadel.com/docs/apis/openidoauth/endpoints)
 */
export const zitadel: ProviderFactory<'optional', { issuer: string }> = defineProvider({
  id: 'zitadel',
  name: 'ZITADEL',
  docs: 'https://zitadel.com/docs/apis/openidoauth/endpoints',
  verified: '2026-11-22',
  confidence: 'low',
  secret: 'optional',
  inputs: { issuer: url },
  parts: ({ issuer }) => ({
    issuer,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
  }),
})
