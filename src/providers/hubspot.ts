import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'
import { unknownUser } from './parts/who.ts'

const TOKEN = 'https://api.hubapi.com/oauth/2026-03/token'

const Id = v.union([v.string(), v.pipe(v.number(), v.safeInteger())])
const Introspection = v.object({
  active: v.optional(v.boolean()),
  user_id: Id,
  hub_id: Id,
  user: v.nullish(v.string()),
})

/**
 * HubSpot, with its dated OAuth API. A user is identified within the account. Its refusals have a `category` and a
 * `message` instead of an `error`. A refresh returns the same refresh token.
 *
 * @see [HubSpot](https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide)
 */
export const hubspot: ProviderFactory<'required'> = defineProvider({
  id: 'hubspot',
  name: 'HubSpot',
  docs: 'https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://app.hubspot.com/oauth/authorize',
      token: TOKEN,
      revocation: `${TOKEN}/revoke`,
    },
    clientAuth: 'client_secret_post',
    scopes: ['oauth'],
    pkce: false,
    answer: { error: ['subCategory', 'category', 'status'], scope: 'scopes' },
    refreshErrors: [
      { error: 'bad_refresh_token', means: 'final' },
      { body: { status: /^bad_refresh_token$/i }, means: 'final' },
      {
        status: [400, 401],
        description: /missing or unknown refresh token|refresh token .*(invalid|expired|revoked)/i,
        means: 'final',
      },
      { error: ['bad_client_id', 'bad_client_secret', 'bad_redirect_uri'], means: 'configuration' },
    ],
    rotation: 'maybe',
    manyTenants: true,
    verifiesEmail: false,
    rules: { ...ADDRESSES_ONLY, org: DIGITS, sub: DIGITS },
    memberships: {},
    revocation: { style: 'rfc7009', only: 'refresh_token' },
    async identify({ tokens, client, fetch }) {
      const body = new URLSearchParams({
        client_id: client.id,
        client_secret: client.secret ?? '',
        token: tokens.accessToken,
        token_type_hint: 'access_token',
      })
      const headers = { accept: 'application/json' }
      const response = await fetch(`${TOKEN}/introspect`, { method: 'POST', headers, body })
      if (!response.ok) throw unknownUser(`HubSpot introspection responded with ${response.status}`)
      const said = v.parse(Introspection, await response.json())
      if (said.active === false) throw unknownUser('HubSpot calls the token inactive')
      return {
        issuer: 'https://api.hubapi.com',
        tenant: String(said.hub_id),
        subject: String(said.user_id),
        email: said.user ?? undefined,
        emailVerified: false,
        claims: { hub: String(said.hub_id), organizations: [String(said.hub_id)] },
      }
    },
  },
})
