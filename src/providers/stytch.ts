import { defineProvider, type ProviderFactory, url } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * Stytch Connected Apps, by the issuer of the project. The metadata document supplies its endpoints.
 *
 * @see [Stytch](https://stytch.com/docs/guides/connected-apps/overview)
 */
export const stytch: ProviderFactory<'optional', { issuer: string }> = defineProvider({
  id: 'stytch',
  name: 'Stytch',
  docs: 'https://stytch.com/docs/guides/connected-apps/overview',
  verified: '2026-11-22',
  confidence: 'low',
  secret: 'optional',
  inputs: { issuer: url },
  parts: ({ issuer }) => ({
    issuer,
    discovery: true,
    clientAuth: 'client_secret_post',
    scopes: IDENTITY,
    optionalScopes: ['offline_access'],
  }),
})
