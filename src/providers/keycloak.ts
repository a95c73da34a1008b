import { defineProvider, type ProviderFactory, segment } from './define.ts'
import { anyBaseUrl, dangerouslyAllowHttp, except } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { GROUPS_AS_TEAMS } from './parts/rule-names.ts'

/** The address and the realm. */
export interface KeycloakOptions {
  baseUrl: string
  realm: string
  /** Allows http on any host, such as one of a closed network. Tokens and secrets then cross it in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

/**
 * Keycloak, by its address and realm. Before version 17, `/auth` belongs to the address. One revocation ends every
 * session and offline token of the user at this client. Groups and realm roles need mappers that add them to the ID
 * token. Without the role `offline_access`, an exchange ends with `not_allowed`.
 *
 * @see [Keycloak](https://www.keycloak.org/securing-apps/oidc-layers)
 */
export const keycloak: ProviderFactory<'optional', KeycloakOptions> = defineProvider({
  id: 'keycloak',
  name: 'Keycloak',
  docs: 'https://www.keycloak.org/securing-apps/oidc-layers',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    baseUrl: except(anyBaseUrl, /\/(realms|admin)(\/|$)/, 'the address before `/realms/` or `/admin/`'),
    realm: segment,
    dangerouslyAllowHttp,
  },
  parts: ({ baseUrl, realm, dangerouslyAllowHttp }) => ({
    dangerouslyAllowHttp,
    issuer: `${baseUrl}/realms/${realm}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
    refreshErrors: [{ error: 'not_allowed', means: 'configuration' }],
    rules: { org: 'any', team: GROUPS_AS_TEAMS, group: 'any' },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: ['organization', 'groups'],
      groups: ['groups', 'realm_access.roles', 'roles'],
    },
    revocation: { style: 'rfc7009', ends: 'authorization' },
  }),
})
