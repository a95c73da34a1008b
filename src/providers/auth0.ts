import { anyText, defineProvider, host, optional, type ProviderFactory } from './define.ts'
import { except } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/**
 * Auth0, by the tenant's host or a custom domain. Without an `audience` its access tokens are good only for userinfo.
 * Roles and groups come as claims with a name such as `https://acme.example/roles`, which an Action adds.
 *
 * Tenants made before 2021-01-13 may revoke all tokens of a user with one: switch "Refresh Token Revocation Deletes
 * Grant" off, or set `overrides: { revocation: { style: 'rfc7009', only: 'refresh_token', ends: 'authorization' } }`.
 *
 * @see [Auth0](https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow)
 */
export const auth0: ProviderFactory<'optional', { domain: string; audience?: string | undefined }> =
  defineProvider({
    id: 'auth0',
    name: 'Auth0',
    docs: 'https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow',
    verified: '2026-11-27',
    confidence: 'high',
    secret: 'optional',
    inputs: {
      domain: except(host, /^manage\.auth0\.com$/, 'the domain of the tenant, such as `acme.eu.auth0.com`'),
      /** The identifier of an API. */
      audience: optional(anyText),
    },
    parts: ({ domain, audience }) => ({
      // The slash is part of the issuer.
      issuer: `https://${domain}/`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: OFFLINE,
      params: audience === undefined ? {} : { audience },
      refreshErrors: [
        { error: 'too_many_attempts', means: 'transient' },
        // A wrong client secret.
        { error: 'access_denied', means: 'configuration' },
      ],
      tokensPerUser: 200,
      rules: { org: 'any', team: byClaim('teams'), group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        orgs: ['org_id', 'org_name'],
        groups: ['*/groups', '*/roles', 'groups', 'roles'],
      },
      revocation: { style: 'rfc7009', only: 'refresh_token' },
    }),
  })
