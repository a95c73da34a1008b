import { defineProvider, label, type ProviderFactory } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * Supabase Auth as an OAuth server, by the reference of the project.
 *
 * @see [Supabase Auth](https://supabase.com/docs/guides/auth/oauth-server)
 */
export const supabase: ProviderFactory<'optional', { project: string }> = defineProvider({
  id: 'supabase',
  name: 'Supabase Auth',
  docs: 'https://supabase.com/docs/guides/auth/oauth-server',
  verified: '2026-11-22',
  confidence: 'low',
  secret: 'optional',
  inputs: { project: label },
  parts: ({ project }) => ({
    issuer: `https://${project}.supabase.co/auth/v1`,
    discovery: { url: `https://${project}.supabase.co/auth/v1/.well-known/oauth-authorization-server` },
    clientAuth: 'client_secret_basic',
    scopes: IDENTITY,
    rotation: 'always',
    revocation: { style: 'none' },
  }),
})
