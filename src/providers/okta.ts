import { defineProvider, host, optional, type ProviderFactory, segment } from './define.ts'
import { except } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { GROUPS_AS_TEAMS } from './parts/rule-names.ts'

/**
 * Okta: the org's own authorization server, or a custom one such as `default`. A new custom server admits no one before
 * it has an access policy. Groups need a claim at a custom server, and the scope `groups` at the org's.
 *
 * @see [Okta](https://developer.okta.com/docs/reference/api/oidc/)
 */
export const okta: ProviderFactory<'optional', { domain: string; authorizationServer?: string | undefined }> =
  defineProvider({
    id: 'okta',
    name: 'Okta',
    docs: 'https://developer.okta.com/docs/reference/api/oidc/',
    verified: '2026-11-27',
    confidence: 'high',
    secret: 'optional',
    inputs: {
      domain: except(
        host,
        /-admin\.okta(preview|-emea|-gov)?\.com$/,
        'the domain without `-admin`, which is that of the console',
      ),
      authorizationServer: optional(segment),
    },
    parts: ({ domain, authorizationServer }) => ({
      issuer: `https://${domain}${authorizationServer === undefined ? '' : `/oauth2/${authorizationServer}`}`,
      discovery: true,
      clientAuth: 'client_secret_basic',
      assertionAudience: 'token-endpoint',
      scopes: OFFLINE,
      refreshScope: 'same',
      refreshErrors: [
        // The user was unassigned from the application, or has to authenticate again.
        { error: 'access_denied', description: /not assigned to the client application/i, means: 'final' },
        {
          error: 'access_denied',
          description: /requires the user to re-authenticate|lite classification/i,
          means: 'final',
        },
        { error: 'access_denied', description: /permitted network zones/i, means: 'transient' },
        { error: 'access_denied', means: 'configuration' },
      ],
      rules: { org: 'any', team: GROUPS_AS_TEAMS, group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        orgs: ['groups'],
        groups: ['groups'],
      },
      memberships: { optionalScopes: ['groups'] },
      groups: { optionalScopes: ['groups'] },
    }),
  })
