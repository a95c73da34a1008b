import * as v from 'valibot'
import type { Fetch } from '../ports.ts'
import { defineProvider, type ProviderFactory } from './define.ts'
import { namesAt } from './parts/memberships.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'
import { getJson } from './parts/who.ts'

const API = 'https://api.bitbucket.org/2.0'
const User = v.object({ uuid: v.string(), display_name: v.nullish(v.string()) })
const Emails = v.object({
  values: v.array(v.object({ email: v.string(), is_primary: v.boolean(), is_confirmed: v.boolean() })),
})

/**
 * Bitbucket Cloud. Its support for PKCE is not documented, so it is not sent. It cannot revoke tokens.
 *
 * @see [Bitbucket Cloud](https://developer.atlassian.com/cloud/bitbucket/oauth-2/)
 */
export const bitbucket: ProviderFactory<'required'> = defineProvider({
  id: 'bitbucket',
  name: 'Bitbucket',
  docs: 'https://developer.atlassian.com/cloud/bitbucket/oauth-2/',
  verified: '2026-11-27',
  confidence: 'low',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://bitbucket.org/site/oauth2/authorize',
      token: 'https://bitbucket.org/site/oauth2/access_token',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['account', 'email'],
    pkce: false,
    answer: { scope: 'scopes' },
    revocation: { style: 'none' },
    identifiesTokens: true,
    memberships: { scopes: ['account'] },
    rules: { ...ADDRESSES_ONLY, org: WORD },
    async identify({ tokens, fetch, memberships }) {
      const authorization = `Bearer ${tokens.accessToken}`
      const user = v.parse(User, await getJson(fetch, `${API}/user`, { authorization }))
      const answer = await fetch(`${API}/user/emails`, { headers: { authorization } })
      const emails = answer.ok ? v.parse(Emails, await answer.json()).values : []
      const primary = emails.find((entry) => entry.is_primary)
      return {
        issuer: 'https://bitbucket.org',
        subject: user.uuid,
        name: user.display_name ?? undefined,
        email: primary?.email,
        emailVerified: primary?.is_confirmed ?? false,
        claims: memberships ? { organizations: await workspacesOf(fetch, authorization) } : {},
      }
    },
  },
})

/** The slugs of the first hundred workspaces. */
async function workspacesOf(fetch: Fetch, authorization: string): Promise<string[]> {
  const response = await fetch(`${API}/user/workspaces?pagelen=100`, { headers: { authorization } })
  return response.ok ? namesAt(await response.json(), 'values.workspace.slug') : []
}
