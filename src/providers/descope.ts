import { defineProvider, optional, type ProviderFactory, segment, url } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * Descope, by project. For inbound apps set `issuer`. `offline_access` is not confirmed, so it is requested only if the
 * metadata lists it.
 *
 * @see [Descope](https://docs.descope.com/identity-federation/applications/oidc-apps)
 */
export const descope: ProviderFactory<'optional', { project: string; issuer?: string | undefined }> =
  defineProvider({
    id: 'descope',
    name: 'Descope',
    docs: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
    verified: '2026-11-22',
    confidence: 'low',
    secret: 'optional',
    inputs: { project: segment, issuer: optional(url) },
    parts: ({ project, issuer }) => ({
      issuer: issuer ?? `https://api.descope.com/${project}`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: IDENTITY,
      optionalScopes: ['offline_access'],
    }),
  })
