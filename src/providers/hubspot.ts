import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { unknownUser } from './parts/who.ts'
import type { TokenAnswer } from './provider.ts'

const TOKEN = 'https://api.hubapi.com/oauth/2026-03/token'

const Id = v.union([v.string(), v.pipe(v.number(), v.safeInteger())])
/** Names of the first version of its API. They are not confirmed for the dated one. */
const Introspection = v.object({ user_id: Id, hub_id: Id, user: v.nullish(v.string()) })

/** Translates errors that consist of `status` and `message`. */
function errorsHaveNames(answer: TokenAnswer): TokenAnswer {
  const { status, body } = answer
  if (status < 400 || typeof body.error === 'string') return answer
  const error = typeof body.status === 'string' ? body.status.toLowerCase() : 'invalid_request'
  return { status, body: { ...body, error } }
}

/**
 * HubSpot, with its dated OAuth API. A person is the user within the account. The host of the dated paths and the rotation
 * of refresh tokens are not confirmed.
 *
 * @see [HubSpot](https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide)
 */
export const hubspot: ProviderFactory<'required'> = defineProvider({
  id: 'hubspot',
  name: 'HubSpot',
  docs: 'https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide',
  verified: '2026-11-22',
  confidence: 'medium',
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
    conformToken: errorsHaveNames,
    refreshErrors: [{ error: 'bad_refresh_token', means: 'final' }],
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
      if (!response.ok) throw unknownUser(`HubSpot introspection answered ${response.status}`)
      const said = v.parse(Introspection, await response.json())
      return {
        issuer: 'https://api.hubapi.com',
        tenant: String(said.hub_id),
        subject: String(said.user_id),
        email: said.user ?? undefined,
        emailVerified: false,
        claims: { hub: String(said.hub_id) },
      }
    },
  },
})
