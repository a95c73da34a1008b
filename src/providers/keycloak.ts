import { defineProvider, type ProviderFactory, segment } from './define.ts'
import { anyBaseUrl, dangerouslyAllowHttp } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'

/** The address of a realm. */
export interface KeycloakOptions {
  baseUrl: string
  realm: string
  /** Allows an http address on any host, such as one of a closed network. Tokens and secrets then cross the network in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

/**
 * Keycloak, by its address and realm. Before version 17, the address ends in `/auth`.
 *
 * @see [Keycloak](https://www.keycloak.org/securing-apps/oidc-layers)
 */
export const keycloak: ProviderFactory<'optional', KeycloakOptions> = defineProvider({
  id: 'keycloak',
  name: 'Keycloak',
  docs: 'https://www.keycloak.org/securing-apps/oidc-layers',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { baseUrl: anyBaseUrl, realm: segment, dangerouslyAllowHttp },
  parts: ({ baseUrl, realm, dangerouslyAllowHttp }) => ({
    dangerouslyAllowHttp,
    issuer: `${baseUrl}/realms/${realm}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
  }),
})
