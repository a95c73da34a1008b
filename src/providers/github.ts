import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import { type Credentials, defaults, type Provider, type TokenAnswer } from './provider.ts'

/** What a GitHub OAuth app needs. */
export interface GitHubOptions extends Credentials {
  clientSecret: string
}

const API = 'https://api.github.com'
const ISSUER = 'https://github.com/login/oauth'

const User = v.object({
  id: v.pipe(v.number(), v.safeInteger()),
  login: v.string(),
  name: v.nullish(v.string()),
})
const Emails = v.array(v.object({ email: v.string(), primary: v.boolean(), verified: v.boolean() }))

/**
 * GitHub, as an OAuth app. Its tokens do not expire and are not refreshed.
 *
 * @see [Authorizing OAuth apps](https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
 */
export function github({ clientId, clientSecret, scopes, params }: GitHubOptions): Provider {
  return {
    ...defaults,
    id: 'github',
    name: 'GitHub',
    issuer: ISSUER,
    endpoints: {
      authorization: 'https://github.com/login/oauth/authorize',
      token: 'https://github.com/login/oauth/access_token',
      userinfo: `${API}/user`,
    },
    clientId,
    clientSecret,
    clientAuth: 'client_secret_post',
    scopes: scopes ?? ['read:user', 'user:email'],
    params: params ?? {},
    identity: { subject: 'id' },
    conformToken: errorsHaveStatus400,
    identify,
    async revoke({ accessToken }, fetch) {
      await fetch(`${API}/applications/${clientId}/token`, {
        method: 'DELETE',
        headers: {
          ...headers,
          authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ access_token: accessToken }),
      })
    },
  }
}

const headers = { accept: 'application/vnd.github+json', 'user-agent': 'lockgate' }

/** GitHub refuses a token request with status 200 and an `error` member, and separates scopes by commas. */
function errorsHaveStatus400({ status, body }: TokenAnswer): TokenAnswer {
  if (typeof body.error === 'string') return { status: 400, body }
  return typeof body.scope === 'string'
    ? { status, body: { ...body, scope: body.scope.replaceAll(',', ' ') } }
    : { status, body }
}

/** The profile's own e-mail is what the user shows; only the list of addresses says which one is verified. */
async function identify({ accessToken }: UpstreamTokens, fetch: Fetch): Promise<Identity> {
  const authorized = { headers: { ...headers, authorization: `Bearer ${accessToken}` } }
  const response = await fetch(`${API}/user`, authorized)
  if (!response.ok) {
    throw new OAuthError('server_error', 'The provider did not say who signed in', {
      reason: `GitHub /user answered ${response.status}`,
    })
  }
  const user = v.parse(User, await response.json())
  const answer = await fetch(`${API}/user/emails`, authorized)
  const emails = answer.ok ? v.parse(Emails, await answer.json()) : []
  const primary = emails.find((entry) => entry.primary)
  return {
    issuer: ISSUER,
    subject: String(user.id),
    name: user.name ?? user.login,
    email: primary?.email,
    emailVerified: primary?.verified ?? false,
    claims: { login: user.login },
  }
}
