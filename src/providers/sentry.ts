import { baseUrl, defineProvider, type ProviderFactory, withDefault } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'

/**
 * Sentry, the service or a self-hosted one. The slashes are part of its paths. It refuses a scope at a refresh.
 *
 * @see [Sentry](https://docs.sentry.io/api/auth/)
 */
export const sentry: ProviderFactory<'required', { baseUrl?: string | undefined }> = defineProvider({
  id: 'sentry',
  name: 'Sentry',
  docs: 'https://docs.sentry.io/api/auth/',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  inputs: { baseUrl: withDefault(baseUrl, 'https://sentry.io') },
  parts: ({ baseUrl }) => ({
    publicAccounts: baseUrl === 'https://sentry.io',
    endpoints: {
      authorization: `${baseUrl}/oauth/authorize/`,
      token: `${baseUrl}/oauth/token/`,
    },
    clientAuth: 'client_secret_post',
    scopes: ['org:read'],
    refreshScope: 'omit',
    rotation: 'always',
    refreshErrors: [{ error: ['invalid_scope', 'invalid_request'], means: 'configuration' }],
    rules: { ...ADDRESSES_ONLY, org: WORD },
    identity: {
      from: 'token',
      subject: 'user.id',
      email: 'user.email',
      name: 'user.name',
      orgs: ['organization_id'],
      facts: { organization: 'organization_id' },
    },
    revocation: { style: 'none' },
  }),
})
