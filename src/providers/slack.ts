import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { unknownUser } from './parts/who.ts'

const Id = v.nullish(v.object({ id: v.string() }))
const Installed = v.object({ authed_user: v.object({ id: v.string() }), team: Id, enterprise: Id })
const Info = v.object({
  user: v.object({
    profile: v.object({ email: v.nullish(v.string()), real_name: v.nullish(v.string()) }),
  }),
})

/**
 * Slack, with a token that acts for the user. A person is the user within the workspace. PKCE is not sent, because an app
 * that switches it on at Slack becomes a public client for good.
 *
 * @see [Slack: installing with OAuth](https://docs.slack.dev/authentication/installing-with-oauth)
 */
export const slack: ProviderFactory<'required'> = defineProvider({
  id: 'slack',
  name: 'Slack',
  docs: 'https://docs.slack.dev/authentication/installing-with-oauth',
  verified: '2026-11-22',
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
    clientAuth: 'client_secret_basic',
    scopes: ['users:read', 'users:read.email'],
    scopeParam: 'user_scope',
    scopeSeparator: ',',
    pkce: false,
    // The response may contain a token of the bot, which is not requested and not used.
    answer: { tokens: 'authed_user', tokenType: 'bearer', scopeSeparator: ',' },
    rotation: 'always',
    revocation: { style: 'bearer' },
    async identify({ tokens, answer, fetch }) {
      const { authed_user: user, team, enterprise } = v.parse(Installed, answer)
      const tenant = team?.id ?? enterprise?.id
      if (tenant === undefined) throw unknownUser('Slack named neither a workspace nor an organisation')
      const response = await fetch(`https://slack.com/api/users.info?user=${encodeURIComponent(user.id)}`, {
        headers: { accept: 'application/json', authorization: `Bearer ${tokens.accessToken}` },
      })
      // Refused with status 200 if its scope was not granted. Then there is no address.
      const info = v.safeParse(Info, await response.json())
      const profile = info.success ? info.output.user.profile : undefined
      return {
        issuer: 'https://slack.com',
        tenant,
        subject: user.id,
        name: profile?.real_name ?? undefined,
        email: profile?.email ?? undefined,
        emailVerified: false,
        claims: { ...(team && { team: team.id }), ...(enterprise && { enterprise: enterprise.id }) },
      }
    },
  },
})
