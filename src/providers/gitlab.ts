import { baseUrl, defineProvider, type ProviderFactory, withDefault } from './define.ts'
import { except } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { DIGITS, WORD } from './parts/rule-names.ts'

/**
 * GitLab, the service or a self-managed one. A refresh ends both previous tokens.
 *
 * @see [GitLab](https://docs.gitlab.com/api/oauth2/)
 */
export const gitlab: ProviderFactory<'optional', { baseUrl?: string | undefined }> = defineProvider({
  id: 'gitlab',
  name: 'GitLab',
  docs: 'https://docs.gitlab.com/api/oauth2/',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    baseUrl: withDefault(
      except(baseUrl, /\/(oauth|api\/v\d)(\/|$)/, 'the address before `/oauth/` or `/api/`'),
      'https://gitlab.com',
    ),
  },
  parts: ({ baseUrl }) => ({
    publicAccounts: baseUrl === 'https://gitlab.com',
    issuer: baseUrl,
    discovery: true,
    clientAuth: 'client_secret_post',
    scopes: IDENTITY,
    rules: { org: WORD, team: 'any', group: 'any', sub: DIGITS },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: ['groups'],
      groups: ['groups', 'groups_direct'],
    },
    memberships: { userinfo: true },
    groups: { userinfo: true },
    refreshRedirectUri: true,
    rotation: 'always',
    refreshKillsAccess: true,
  }),
})
