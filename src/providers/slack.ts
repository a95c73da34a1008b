import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'
import { unknownUser } from './parts/who.ts'

const Id = v.nullish(v.object({ id: v.string() }))
const Installed = v.object({ authed_user: v.object({ id: v.string() }), team: Id, enterprise: Id })
const Info = v.object({
  user: v.object({
    profile: v.object({ email: v.nullish(v.string()), real_name: v.nullish(v.string()) }),
  }),
})

/** Codes that say that a token has expired or was revoked. */
const OVER = ['token_revoked', 'token_expired', 'account_inactive', 'invalid_auth']

/**
 * Slack, with a token that acts for the user. A user is identified within the workspace. PKCE makes an app a public
 * client for good, so it is not sent. Without token rotation, which is a setting of the app, there is one token per
 * user, app and workspace. For `allow`, `org:` is the id of a workspace or an enterprise.
 *
 * @see [Slack: installing with OAuth](https://docs.slack.dev/authentication/installing-with-oauth)
 */
export const slack: ProviderFactory<'required'> = defineProvider({
  id: 'slack',
  name: 'Slack',
  docs: 'https://docs.slack.dev/authentication/installing-with-oauth',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://slack.com',
    endpoints: {
      authorization: 'https://slack.com/oauth/v2/authorize',
      token: 'https://slack.com/api/oauth.v2.access',
      revocation: 'https://slack.com/api/auth.revoke',
    },
    clientAuth: 'client_secret_post',
    scopes: ['users:read', 'users:read.email'],
    scopeParam: 'user_scope',
    scopeSeparator: ',',
    pkce: false,
    // A token of the bot may come next to that of the user. It is not requested and not used.
    answer: { tokens: 'authed_user', tokenType: 'bearer', scopeSeparator: ',' },
    rotation: 'always',
    refreshErrors: [
      { error: ['invalid_refresh_token', 'team_access_not_granted', ...OVER], means: 'final' },
      {
        error: [
          'ratelimited',
          'internal_error',
          'fatal_error',
          'service_unavailable',
          'request_timeout',
          'org_login_required',
          'team_added_to_org',
          'accesslimited',
        ],
        means: 'transient',
      },
      { error: ['bad_client_secret', 'invalid_client_id', 'invalid_grant_type'], means: 'configuration' },
    ],
    manyTenants: true,
    verifiesEmail: false,
    rules: { ...ADDRESSES_ONLY, org: WORD },
    memberships: {},
    revocation: { style: 'bearer', ends: 'authorization', over: OVER },
    async identify({ tokens, answer, fetch }) {
      const { authed_user: user, team, enterprise } = v.parse(Installed, answer)
      const tenant = team?.id ?? enterprise?.id
      if (tenant === undefined) throw unknownUser('Slack named neither a workspace nor an enterprise')
      const response = await fetch(`https://slack.com/api/users.info?user=${encodeURIComponent(user.id)}`, {
        headers: { accept: 'application/json', authorization: `Bearer ${tokens.accessToken}` },
      })
      // Refused with status 200 if the scope was not granted: then there is no address.
      const info = v.safeParse(Info, await response.json())
      const profile = info.success ? info.output.user.profile : undefined
      return {
        issuer: 'https://slack.com',
        tenant,
        subject: user.id,
        name: profile?.real_name ?? undefined,
        email: profile?.email ?? undefined,
        emailVerified: false,
        claims: {
          ...(team && { team: team.id }),
          ...(enterprise && { enterprise: enterprise.id }),
          organizations: [team?.id, enterprise?.id].filter((id) => id !== undefined),
        },
      }
    },
  },
})
