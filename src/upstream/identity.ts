import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import { at, isTrueAt, textAt } from '../providers/parts/pointer.ts'
import type { Provider } from '../providers/provider.ts'
import { requestOptions, type Server } from './discovery.ts'

/** Claims about the token, not about the person. */
const PROTOCOL_CLAIMS = new Set(
  'iss aud exp iat nbf jti nonce at_hash c_hash s_hash azp auth_time sid sub'.split(' '),
)

type Json = Readonly<Record<string, unknown>>

/** What one sign-in at the provider came to. */
export interface Exchanged {
  readonly tokens: UpstreamTokens
  /** The token answer. */
  readonly answer: Json
  readonly idToken: oauth.IDToken | undefined
}

const unknown = (detail: string) =>
  new OAuthError('server_error', 'The provider did not say who signed in', {
    reason: 'identity-missing',
    detail,
  })

/**
 * Who signed in: by the ID token, completed from userinfo where it says less than was asked for; else by the
 * provider's own way.
 *
 * @throws {OAuthError} `server_error` where nothing names a subject.
 */
export async function readIdentity(
  provider: Provider,
  server: Server,
  exchanged: Exchanged,
  { fetch, memberships }: { fetch: Fetch; memberships: boolean },
): Promise<Identity> {
  const { tokens, answer, idToken } = exchanged
  const { issuer, clientId: id, clientSecret: secret } = provider
  if (provider.identify)
    return provider.identify({ tokens, answer, client: { id, secret }, fetch, memberships })
  const from = provider.identity.from ?? (idToken ? 'both' : 'request')
  if (from === 'token') return mapIdentity(provider, answer, answer, { issuer, claims: {} })
  if (from === 'request') {
    const body = await requestJson(provider, server, tokens, fetch)
    return mapIdentity(provider, body, answer, { issuer, claims: claimsOf(body) })
  }
  if (!idToken) throw unknown('the answer has no ID token')
  const elsewhere = memberships && provider.memberships?.userinfo === true
  const wanted =
    elsewhere || (from === 'both' && provider.scopes.includes('email') && idToken.email === undefined)
  const more =
    wanted && server.userinfo_endpoint ? await userinfo(provider, server, tokens, idToken.sub, fetch) : {}
  const body = { ...more, ...idToken }
  return mapIdentity(provider, body, answer, { issuer: idToken.iss, claims: claimsOf(body) })
}

/** Whether somebody has what the definition requires of everybody. */
export const hasRequiredClaims = ({ requiredClaims = {} }: Provider, { claims }: Identity): boolean =>
  Object.entries(requiredClaims).every(([name, value]) => {
    const claim = Object.hasOwn(claims, name) ? claims[name] : undefined
    return typeof claim === 'string' && claim !== '' && (value === '*' || claim.toLowerCase() === value)
  })

const claimsOf = (body: Json): Json =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !PROTOCOL_CLAIMS.has(name)))

async function userinfo(
  provider: Provider,
  server: Server,
  tokens: UpstreamTokens,
  subject: string,
  fetch: Fetch,
): Promise<Json> {
  const client = { client_id: provider.clientId }
  const options = requestOptions(fetch, provider)
  const response = await oauth.userInfoRequest(server, client, tokens.accessToken, options)
  return oauth.processUserInfoResponse(server, client, subject, response)
}

async function requestJson(
  provider: Provider,
  server: Server,
  tokens: UpstreamTokens,
  fetch: Fetch,
): Promise<Json> {
  if (!server.userinfo_endpoint) throw unknown('neither an ID token nor a userinfo endpoint')
  const { method = 'GET', headers, body } = provider.identity.request ?? {}
  const response = await fetch(server.userinfo_endpoint, {
    method,
    headers: { accept: 'application/json', ...headers, authorization: `Bearer ${tokens.accessToken}` },
    ...(body !== undefined && { body }),
  })
  if (!response.ok) throw unknown(`userinfo answered ${response.status}`)
  const said: unknown = await response.json().catch(() => undefined)
  if (typeof said !== 'object' || said === null) throw unknown('userinfo is no JSON object')
  return said as Json
}

function mapIdentity(
  { identity: map }: Provider,
  body: Json,
  answer: Json,
  { issuer, claims }: { issuer: string; claims: Json },
): Identity {
  const subject = textAt(body, map.subject)
  if (subject === undefined) throw unknown(`no ${map.subject} in the identity`)
  const tenant = textAt(body, map.tenant)
  // Without its tenant, the same subject may be somebody else.
  if (map.tenant !== undefined && tenant === undefined) throw unknown(`no ${map.tenant} in the identity`)
  const facts = Object.entries(map.facts ?? {}).map(([name, pointer]) => [name, textAt(answer, pointer)])
  return {
    issuer,
    tenant,
    subject,
    email: textAt(body, map.email),
    emailVerified: isTrueAt(body, map.emailVerified),
    name: textAt(body, map.name) ?? textAt(body, map.otherName),
    claims: {
      ...claims,
      ...(map.orgs !== undefined && membershipsOf(at(body, map.orgs))),
      ...Object.fromEntries(facts.filter(([, value]) => value !== undefined)),
    },
  }
}

function membershipsOf(said: unknown): { organizations: string[]; teams: string[] } {
  const names = [said].flat().filter((name) => typeof name === 'string' && name !== '') as string[]
  return {
    organizations: names.filter((name) => !name.includes('/')),
    teams: names.filter((name) => name.includes('/')),
  }
}
