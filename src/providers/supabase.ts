import { defineProvider, label, optional, type ProviderFactory, url } from './define.ts'
import { IDENTITY } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/** The project, or an issuer of your own. */
export interface SupabaseOptions {
  project: string
  /** The issuer of a custom domain or a self-hosted server, such as `https://auth.acme.example/auth/v1`. */
  issuer?: string | undefined
}

const issuerOf = (project: string, issuer = `https://${project}.supabase.co/auth/v1`): string =>
  issuer.replace(/\/+$/, '')

/**
 * Supabase Auth as an OAuth server, by the reference of the project. A refresh token comes without a scope. Refusals have an
 * `error_code` instead of an `error`. Projects that still sign with the shared secret (HS256) cannot sign users in:
 * switch them to asymmetric keys.
 *
 * @see [Supabase Auth](https://supabase.com/docs/guides/auth/oauth-server)
 */
export const supabase: ProviderFactory<'optional', SupabaseOptions> = defineProvider({
  id: 'supabase',
  name: 'Supabase Auth',
  docs: 'https://supabase.com/docs/guides/auth/oauth-server',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: { project: label, issuer: optional(url) },
  parts: ({ project, issuer }) => ({
    issuer: issuerOf(project, issuer),
    discovery: true,
    clientAuth: 'client_secret_basic',
    rules: { org: byClaim('organizations'), team: byClaim('teams'), group: byClaim('groups') },
    scopes: IDENTITY,
    answer: { error: 'error_code' },
    rotation: 'always',
    refreshErrors: [
      {
        error: [
          'refresh_token_not_found',
          'refresh_token_already_used',
          'session_not_found',
          'session_expired',
          'user_banned',
        ],
        means: 'final',
      },
      { error: 'oauth_client_not_found', means: 'configuration' },
    ],
    revocation: { style: 'none' },
  }),
})
