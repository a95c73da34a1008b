import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

/** Refusals are `{"error":true,"status":…,"message":"…"}`. The words for an expired refresh token are not documented. */
const REFUSED = { body: { error: /^true$/ }, status: [400, 401, 403, 404] } as const

/**
 * Figma. It refreshes at a separate endpoint, and its tokens live for 90 days.
 *
 * @see [Figma](https://developers.figma.com/docs/rest-api/authentication/)
 */
export const figma: ProviderFactory<'required'> = defineProvider({
  id: 'figma',
  name: 'Figma',
  docs: 'https://developers.figma.com/docs/rest-api/authentication/',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://www.figma.com/oauth',
      token: 'https://api.figma.com/v1/oauth/token',
      refresh: 'https://api.figma.com/v1/oauth/refresh',
      userinfo: 'https://api.figma.com/v1/me',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['current_user:read'],
    scopeSeparator: ',',
    rotation: 'never',
    refreshErrors: [
      { ...REFUSED, description: /\bclient|\bapp(lication)?\b/i, means: 'configuration' },
      { ...REFUSED, means: 'final' },
    ],
    rules: ADDRESSES_ONLY,
    identity: { subject: 'id', email: 'email', name: 'handle' },
    revocation: { style: 'none' },
  },
})
