import { defineProvider, optional, type ProviderFactory, segment, url } from './define.ts'
import { IDENTITY } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/** The host of a project: ids of 32 characters and more carry their region in characters 2 to 5. */
const hostOf = (project: string): string =>
  project.length >= 32 ? `api.${project.slice(1, 5).toLowerCase()}.descope.com` : 'api.descope.com'

/**
 * Descope, by project. For inbound apps, give their `issuer`. `offline_access` is requested if the document lists it.
 *
 * @see [Descope](https://docs.descope.com/identity-federation/applications/oidc-apps)
 */
export const descope: ProviderFactory<'optional', { project: string; issuer?: string | undefined }> =
  defineProvider({
    id: 'descope',
    name: 'Descope',
    docs: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
    verified: '2026-11-27',
    confidence: 'medium',
    secret: 'optional',
    inputs: { project: segment, issuer: optional(url) },
    parts: ({ project, issuer }) => ({
      issuer: issuer ?? `https://${hostOf(project)}/${project}`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: IDENTITY,
      optionalScopes: ['offline_access'],
      rules: { org: 'any', team: byClaim('teams'), group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        orgs: ['tenants'],
        groups: ['groups', 'roles'],
      },
    }),
  })
