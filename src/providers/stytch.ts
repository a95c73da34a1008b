import { defineProvider, type ProviderFactory } from './define.ts'
import { issuerUrl } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/**
 * Stytch Connected Apps, by the issuer of the project. Refresh tokens of confidential clients do not rotate and live
 * for three months after their last use.
 *
 * @see [Stytch](https://stytch.com/docs/guides/connected-apps/overview)
 */
export const stytch: ProviderFactory<'optional', { issuer: string }> = defineProvider({
  id: 'stytch',
  name: 'Stytch',
  docs: 'https://stytch.com/docs/guides/connected-apps/overview',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  inputs: { issuer: issuerUrl },
  parts: ({ issuer }) => ({
    issuer,
    discovery: true,
    clientAuth: 'client_secret_post',
    scopes: OFFLINE,
    // Its API names errors by `error_type`.
    answer: { error: 'error_type' },
    rules: { org: 'any', team: byClaim('teams'), group: 'any' },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: [['https://stytch.com/organization', 'organization_id'], 'organization_id'],
      groups: ['roles', 'groups'],
    },
  }),
})
