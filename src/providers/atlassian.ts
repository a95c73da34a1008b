import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'
import { getJson } from './parts/who.ts'

const API = 'https://api.atlassian.com'
const Me = v.object({ account_id: v.string(), email: v.nullish(v.string()), name: v.nullish(v.string()) })
const Sites = v.array(v.object({ id: v.string(), url: v.nullish(v.string()), name: v.nullish(v.string()) }))

/**
 * Atlassian, as a 3LO app for Jira and Confluence. It has an OpenID Connect document, but such apps may not request
 * `openid`. The sites of a token are claims: `sites`, each with its cloud id, and `cloudid` if there is one site only.
 * For `allow`, `org:` is the name of a site's host. Its revocation endpoint is undocumented, so any response is accepted.
 *
 * @see [Atlassian](https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/)
 */
export const atlassian: ProviderFactory<'required'> = defineProvider({
  id: 'atlassian',
  name: 'Atlassian',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://auth.atlassian.com',
    endpoints: {
      authorization: 'https://auth.atlassian.com/authorize',
      token: 'https://auth.atlassian.com/oauth/token',
      revocation: 'https://auth.atlassian.com/oauth/revoke',
    },
    clientAuth: 'client_secret_post',
    scopes: ['read:me', 'offline_access'],
    params: { audience: 'api.atlassian.com', prompt: 'consent' },
    rotation: 'always',
    refreshErrors: [
      { error: 'unauthorized_client', description: /refresh_token is invalid/i, means: 'final' },
      // A wrong client secret: the user can do nothing about it.
      { error: ['access_denied', 'unauthorized_client'], means: 'configuration' },
    ],
    revocation: { style: 'rfc7009', lenient: true },
    verifiesEmail: false,
    rules: { ...ADDRESSES_ONLY, org: WORD },
    memberships: {},
    identifiesTokens: true,
    async identify({ tokens, fetch }) {
      const authorization = `Bearer ${tokens.accessToken}`
      const me = v.parse(Me, await getJson(fetch, `${API}/me`, { authorization }))
      const headers = { accept: 'application/json', authorization }
      const answer = await fetch(`${API}/oauth/token/accessible-resources`, { headers })
      // Refused if no scope of a product was granted: then there is no site either.
      const said = v.safeParse(Sites, answer.ok ? await answer.json() : [])
      const sites = said.success ? said.output : []
      return {
        issuer: 'https://auth.atlassian.com',
        subject: me.account_id,
        name: me.name ?? undefined,
        email: me.email ?? undefined,
        emailVerified: false,
        claims: {
          sites: sites.map(({ id, url, name }) => ({ cloudid: id, url, name })),
          organizations: sites.flatMap(({ id, url }) => [id, ...hostNameOf(url)]),
          ...(sites.length === 1 && { cloudid: sites[0]!.id }),
        },
      }
    },
  },
})

/** The first label of a site's host. Unlike its title, it belongs to one site only. */
const hostNameOf = (url: string | null | undefined): string[] => {
  const name = /^https:\/\/([a-z0-9-]+)\.atlassian\.net\/?$/.exec(url ?? '')?.[1]
  return name === undefined ? [] : [name]
}
