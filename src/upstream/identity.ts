import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import type { IdentityMap, Pointer, Provider } from '../providers/provider.ts'
import { requestOptions } from './server.ts'

/** Claims about the token, not about the person. */
const PROTOCOL_CLAIMS = new Set(
  'iss aud exp iat nbf jti nonce at_hash c_hash s_hash azp auth_time sid sub'.split(' '),
)

const unknown = (reason: string) =>
  new OAuthError('server_error', 'The provider did not say who signed in', { reason })

/**
 * Who signed in: by the ID token, completed from userinfo where it says less than was asked for; else by the
 * provider's own way.
 *
 * @throws {OAuthError} `server_error` where nothing names a subject.
 */
export async function readIdentity(
  provider: Provider,
  server: oauth.AuthorizationServer,
  tokens: UpstreamTokens,
  idToken: oauth.IDToken | undefined,
  fetch: Fetch,
): Promise<Identity> {
  if (provider.identify) return provider.identify(tokens, fetch)
  if (!idToken) return mapIdentity(provider, await requestJson(provider, server, tokens, fetch))
  const wanted = provider.scopes.includes('email') && idToken.email === undefined
  const more =
    wanted && server.userinfo_endpoint ? await userinfo(provider, server, tokens, idToken.sub, fetch) : {}
  return mapIdentity(provider, { ...more, ...idToken }, idToken.iss)
}

async function userinfo(
  provider: Provider,
  server: oauth.AuthorizationServer,
  tokens: UpstreamTokens,
  subject: string,
  fetch: Fetch,
): Promise<Record<string, unknown>> {
  const client = { client_id: provider.clientId }
  const options = requestOptions(fetch, server.userinfo_endpoint!)
  const response = await oauth.userInfoRequest(server, client, tokens.accessToken, options)
  return oauth.processUserInfoResponse(server, client, subject, response)
}

async function requestJson(
  provider: Provider,
  server: oauth.AuthorizationServer,
  tokens: UpstreamTokens,
  fetch: Fetch,
): Promise<Record<string, unknown>> {
  if (!server.userinfo_endpoint) throw unknown('neither an ID token nor a userinfo endpoint')
  const response = await fetch(server.userinfo_endpoint, {
    headers: {
      accept: 'application/json',
      ...provider.identityHeaders,
      authorization: `Bearer ${tokens.accessToken}`,
    },
  })
  if (!response.ok) throw unknown(`userinfo answered ${response.status}`)
  const body: unknown = await response.json().catch(() => undefined)
  if (typeof body !== 'object' || body === null) throw unknown('userinfo is no JSON object')
  return body as Record<string, unknown>
}

function mapIdentity(provider: Provider, body: Record<string, unknown>, issuer = provider.issuer): Identity {
  const map: IdentityMap = provider.identity
  const text = (pointer: Pointer | undefined): string | undefined => {
    const value = pointer === undefined ? undefined : at(body, pointer)
    // A number past 2^53 was rounded when it was parsed: it would name somebody else.
    if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const subject = text(map.subject)
  if (subject === undefined) throw unknown(`no ${map.subject} in the identity`)
  const verified = map.emailVerified === undefined ? undefined : at(body, map.emailVerified)
  const claims = Object.entries(body).filter(([name]) => !PROTOCOL_CLAIMS.has(name))
  return {
    issuer,
    tenant: text(map.tenant),
    subject,
    email: text(map.email),
    emailVerified: verified === true || verified === 'true',
    name: text(map.name),
    claims: Object.fromEntries(claims),
  }
}

const at = (body: unknown, pointer: Pointer): unknown =>
  pointer
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined,
      body,
    )
