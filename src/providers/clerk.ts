import { defineProvider, host, type ProviderFactory } from './define.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/**
 * Clerk, by the host of its frontend API. Refresh tokens do not expire. After a scope was deleted, a refresh ends with
 * `invalid_scope`. Access tokens in JWT form cannot be revoked.
 *
 * @see [Clerk](https://clerk.com/docs/guides/configure/auth-strategies/oauth/how-clerk-implements-oauth)
 */
export const clerk: ProviderFactory<'optional', { domain: string }> = defineProvider({
  id: 'clerk',
  name: 'Clerk',
  docs: 'https://clerk.com/docs/guides/configure/auth-strategies/oauth/how-clerk-implements-oauth',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: { domain: host },
  parts: ({ domain }) => ({
    issuer: `https://${domain}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
    refreshErrors: [{ error: 'invalid_scope', means: 'final' }],
    rules: { org: 'any', team: byClaim('teams'), group: byClaim('groups') },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: ['org_id'],
    },
    memberships: { scopes: ['user:org:read'], userinfo: true },
  }),
})
