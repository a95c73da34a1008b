import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { getJson } from './parts/who.ts'

const API = 'https://api.atlassian.com'
const Me = v.object({ account_id: v.string(), email: v.nullish(v.string()), name: v.nullish(v.string()) })
const Sites = v.array(v.object({ id: v.string(), url: v.nullish(v.string()), name: v.nullish(v.string()) }))

/**
 * Atlassian, as a 3LO app for Jira and Confluence. It has an OpenID Connect document, but such apps may not request
 * `openid`. The claim `sites` lists the sites of the token with their cloud ids. The claim `cloudid` is set if there is one
 * site only. Its revocation endpoint is not documented, but is tried.
 *
 * @see [Atlassian](https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/)
 */
export const atlassian: ProviderFactory<'required'> = defineProvider({
  id: 'atlassian',
  name: 'Atlassian',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
  verified: '2026-11-22',
  confidence: 'medium',
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
    revocation: { style: 'rfc7009', lenient: true },
    identifiesTokens: true,
    async identify({ tokens, fetch }) {
      const authorization = `Bearer ${tokens.accessToken}`
      const me = v.parse(Me, await getJson(fetch, `${API}/me`, { authorization }))
      const headers = { accept: 'application/json', authorization }
      const answer = await fetch(`${API}/oauth/token/accessible-resources`, { headers })
      // Refused if no scope of a product was granted. Then there is no site either.
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
          ...(sites.length === 1 && { cloudid: sites[0]!.id }),
        },
      }
    },
  },
})
