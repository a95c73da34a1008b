import { baseUrl, defineProvider, type ProviderFactory, segment } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * Keycloak, by its address and realm. Before version 17, `/auth` belongs to the address.
 *
 * @see [Keycloak](https://www.keycloak.org/securing-apps/oidc-layers)
 */
export const keycloak: ProviderFactory<'optional', { baseUrl: string; realm: string }> = defineProvider({
  id: 'keycloak',
  name: 'Keycloak',
  docs: 'https://www.keycloak.org/securing-apps/oidc-layers',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { baseUrl: baseUrl, realm: segment },
  parts: ({ baseUrl, realm }) => ({
    issuer: `${baseUrl}/realms/${realm}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
  }),
})
