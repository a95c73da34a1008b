import * as v from 'valibot'
import type { Fetch, Identity, UpstreamTokens } from '../../ports.ts'
import { basicCredentials } from './basic.ts'
import type { ProviderParts } from './provider-parts.ts'
import { DIGITS, type RuleNames, WORD } from './rule-names.ts'
import { getJson } from './who.ts'

const User = v.object({
  id: v.pipe(v.number(), v.safeInteger()),
  login: v.string(),
  name: v.nullish(v.string()),
})
const Emails = v.array(v.object({ email: v.string(), primary: v.boolean(), verified: v.boolean() }))

const Orgs = v.array(v.object({ login: v.string() }))
const Teams = v.array(v.object({ slug: v.string(), organization: v.object({ login: v.string() }) }))

const headers = { accept: 'application/vnd.github+json', 'user-agent': 'lockgate' }

/**
 * The common parts of all kinds of GitHub.
 *
 * @param web The address of the sign-in, without a last slash.
 * @param api The root of its REST API.
 */
export function githubParts(web: string, api: string): ProviderParts {
  const issuer = `${web}/login/oauth`
  return {
    issuer,
    endpoints: {
      authorization: `${issuer}/authorize`,
      token: `${issuer}/access_token`,
      userinfo: `${api}/user`,
    },
    clientAuth: 'client_secret_post',
    scopes: ['read:user', 'user:email'],
    memberships: { scopes: ['read:org'] },
    rules: { org: WORD, team: TEAM, group: 'none', sub: DIGITS },
    scopeWords: WORDS,
    scopeImplies: IMPLIED,
    accountPrompt: 'select_account',
    headers: { 'user-agent': 'lockgate' },
    answer: { scopeSeparator: ',' },
    // Expiring tokens are a setting of an OAuth app. A refresh ends both previous tokens.
    rotation: 'maybe',
    refreshKillsAccess: true,
    refreshErrors: [
      { error: 'bad_refresh_token', means: 'final' },
      { error: ['incorrect_client_credentials', 'redirect_uri_mismatch'], means: 'configuration' },
    ],
    // The endpoint takes access tokens that work.
    revocation: { style: 'rfc7009', only: 'access_token' },
    identifiesTokens: true,
    identify: ({ tokens, fetch, memberships }) => identify({ issuer, api, memberships }, tokens, fetch),
    async revoke({ tokens, client, fetch }) {
      const response = await fetch(`${api}/applications/${encodeURIComponent(client.id)}/token`, {
        method: 'DELETE',
        headers: {
          ...headers,
          authorization: basicCredentials({ id: client.id, secret: client.secret ?? '' }, 'raw'),
          'content-type': 'application/json',
        },
        body: JSON.stringify({ access_token: tokens.accessToken }),
      })
      // The token has expired or was revoked before.
      const isOver = response.status === 404 || response.status === 422
      return response.ok || isOver ? 'revoked' : 'failed'
    },
  }
}

const TEAM: RuleNames = {
  form: /^[^\s/:]+\/[^\s/:]+$/,
  expected: 'the organization and the team in their addresses, such as `acme/platform`',
}

const WORDS = {
  'read:user': 'your profile',
  'user:email': 'your e-mail addresses',
  'read:org': 'your organisations and teams',
  repo: 'to read and change your repositories, private ones too',
  public_repo: 'to read and change your public repositories',
  gist: 'to create gists',
  workflow: 'to change workflows',
  notifications: 'your notifications',
}

/** A response names only the widest scope. */
const IMPLIED = {
  repo: ['public_repo', 'repo:status', 'repo_deployment', 'repo:invite', 'security_events'],
  user: ['read:user', 'user:email', 'user:follow'],
  'admin:org': ['write:org', 'read:org'],
  'write:org': ['read:org'],
  'admin:repo_hook': ['write:repo_hook', 'read:repo_hook'],
  'write:repo_hook': ['read:repo_hook'],
  'admin:public_key': ['write:public_key', 'read:public_key'],
  'write:public_key': ['read:public_key'],
  'write:packages': ['read:packages'],
  project: ['read:project'],
}

/** The address in the profile is the user's choice. Only the list of addresses says which one is verified. */
async function identify(
  { issuer, api, memberships }: { issuer: string; api: string; memberships: boolean },
  { accessToken }: UpstreamTokens,
  fetch: Fetch,
): Promise<Identity> {
  const authorized = { ...headers, authorization: `Bearer ${accessToken}` }
  const user = v.parse(User, await getJson(fetch, `${api}/user`, authorized))
  const answer = await fetch(`${api}/user/emails`, { headers: authorized })
  const emails = answer.ok ? v.parse(Emails, await answer.json()) : []
  const primary = emails.find((entry) => entry.primary)
  return {
    issuer,
    subject: String(user.id),
    name: user.name ?? user.login,
    email: primary?.email,
    emailVerified: primary?.verified ?? false,
    claims: { login: user.login, ...(memberships && (await membershipsOf(api, authorized, fetch))) },
  }
}

/** The entries of one page, and the pages that are read. */
const PAGE = 100
const PAGES = 10

/** Returns organizations and teams. Without a response the user belongs to none. */
async function membershipsOf(api: string, headers: Record<string, string>, fetch: Fetch) {
  const list = async <T>(path: string, schema: v.GenericSchema<unknown, T[]>): Promise<T[]> => {
    const found: T[] = []
    for (let page = 1; page <= PAGES; page++) {
      const answer = await fetch(`${api}${path}?per_page=${PAGE}&page=${page}`, { headers })
      if (!answer.ok) break
      const entries = v.parse(schema, await answer.json())
      found.push(...entries)
      if (entries.length < PAGE) break
    }
    return found
  }
  const [orgs, teams] = await Promise.all([list('/user/orgs', Orgs), list('/user/teams', Teams)])
  return {
    organizations: orgs.map(({ login }) => login),
    teams: teams.map(({ slug, organization }) => `${organization.login}/${slug}`),
  }
}
