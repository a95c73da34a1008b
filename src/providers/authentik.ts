import { baseUrl, defineProvider, type ProviderFactory, segment } from './define.ts'
import { except } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { GROUPS_AS_TEAMS } from './parts/rule-names.ts'

/**
 * authentik, by its address and the application's slug. Each application has its own issuer, with a slash at the end.
 * The subject depends on the subject mode of the provider there. It does not decode the credentials of
 * `client_secret_basic`. Since 2025.10 its default mapping calls no address verified.
 *
 * @see [authentik](https://docs.goauthentik.io/add-secure-apps/providers/oauth2/)
 */
export const authentik: ProviderFactory<'optional', { baseUrl: string; application: string }> =
  defineProvider({
    id: 'authentik',
    name: 'authentik',
    docs: 'https://docs.goauthentik.io/add-secure-apps/providers/oauth2/',
    verified: '2026-11-27',
    confidence: 'high',
    secret: 'optional',
    inputs: {
      baseUrl: except(baseUrl, /\/(application|if)(\/|$)/, 'the address before `/application/` or `/if/`'),
      application: segment,
    },
    parts: ({ baseUrl, application }) => ({
      issuer: `${baseUrl}/application/o/${application}/`,
      discovery: true,
      clientAuth: 'client_secret_basic',
      basicEncoding: 'raw',
      scopes: OFFLINE,
      rotation: 'maybe',
      refreshErrors: [{ error: ['invalid_scope', 'invalid_request'], means: 'configuration' }],
      verifiesEmail: 'its scope mapping sets `email_verified`; that of authentik 2025.10 does not',
      rules: { org: 'any', team: GROUPS_AS_TEAMS, group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        orgs: ['groups'],
        groups: ['groups'],
      },
    }),
  })
