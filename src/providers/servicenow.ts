import * as v from 'valibot'
import { defineProvider, host, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'
import { getJson, unknownUser } from './parts/who.ts'

const Current = v.object({
  result: v.object({ user_sys_id: v.pipe(v.string(), v.regex(/^[0-9a-z]{6,32}$/i)) }),
})
const Row = v.object({
  result: v.object({
    sys_id: v.string(),
    email: v.nullish(v.string()),
    name: v.nullish(v.string()),
    user_name: v.nullish(v.string()),
  }),
})
const Groups = v.object({ result: v.array(v.object({ 'group.name': v.nullish(v.string()) })) })

/**
 * ServiceNow, one instance by its host, such as `acme.service-now.com`. Access is that of the user's roles; scopes change
 * nothing on most instances. PKCE is a setting of the instance, so it is not sent. The address and the groups are read
 * from `sys_user` and `sys_user_grmember`, if the user may read them.
 *
 * A 401 with `server_error` and `access_denied` counts as passing: it comes for valid tokens too.
 *
 * @see [ServiceNow](https://www.servicenow.com/docs/r/platform-security/authentication/c_OAuthApplications.html)
 */
export const servicenow: ProviderFactory<'required', { host: string }> = defineProvider({
  id: 'servicenow',
  name: 'ServiceNow',
  docs: 'https://www.servicenow.com/docs/r/platform-security/authentication/c_OAuthApplications.html',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  inputs: { host },
  parts: ({ host }) => {
    const issuer = `https://${host}`
    return {
      issuer,
      endpoints: {
        authorization: `${issuer}/oauth_auth.do`,
        token: `${issuer}/oauth_token.do`,
        revocation: `${issuer}/oauth_revoke_token.do`,
      },
      clientAuth: 'client_secret_post',
      scopes: ['useraccount'],
      pkce: false,
      rotation: 'maybe',
      refreshErrors: [
        { status: 403, description: /token is invalid/i, means: 'final' },
        { status: 403, body: { error: /token is invalid/i }, means: 'final' },
        { error: 'server_error', description: /access_denied/i, means: 'transient' },
      ],
      verifiesEmail: false,
      groups: {},
      identifiesTokens: true,
      rules: { ...ADDRESSES_ONLY, group: 'any' },
      async identify({ tokens, fetch, groups }) {
        const headers = { authorization: `Bearer ${tokens.accessToken}` }
        const current = await getJson(fetch, `${issuer}/api/now/ui/user/current_user`, headers)
        const said = v.safeParse(Current, current)
        if (!said.success) throw unknownUser('no user_sys_id in the response')
        const { user_sys_id: subject } = said.output.result
        const table = `${issuer}/api/now/table`
        const answer = await fetch(
          `${table}/sys_user/${subject}?sysparm_fields=sys_id%2Cemail%2Cname%2Cuser_name`,
          { headers: { accept: 'application/json', ...headers } },
        )
        // Without the right to read the record there is no address.
        const row = v.safeParse(Row, answer.ok ? await answer.json() : undefined)
        const about = row.success && row.output.result.sys_id === subject ? row.output.result : undefined
        const members = groups
          ? await getJson(
              fetch,
              `${table}/sys_user_grmember?sysparm_query=user%3D${subject}&sysparm_fields=group.name&sysparm_limit=1000`,
              headers,
            )
          : undefined
        const names = members === undefined ? undefined : v.parse(Groups, members).result
        return {
          issuer,
          subject,
          name: about?.name || undefined,
          email: about?.email || undefined,
          emailVerified: false,
          claims: {
            ...(about?.user_name && { user_name: about.user_name }),
            ...(names && { groups: names.map((one) => one['group.name']).filter(Boolean) }),
          },
        }
      },
    }
  },
})
