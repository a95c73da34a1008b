import type { IDToken } from 'oauth4webapi'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import { at, isTrueAt, textAt } from '../providers/parts/pointer.ts'
import { unknownUser } from '../providers/parts/who.ts'
import type { Provider } from '../providers/provider.ts'
import type { Server } from './discovery.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { type Json, requestUserinfo } from './userinfo.ts'

/** Claims about the token, not about the user. */
const PROTOCOL_CLAIMS = new Set(
  'iss aud exp iat nbf jti nonce at_hash c_hash s_hash azp auth_time sid sub'.split(' '),
)

/** The result of one code exchange. */
export interface Exchanged {
  readonly tokens: UpstreamTokens
  /** The token response. */
  readonly answer: Json
  readonly idToken: IDToken | undefined
}

/**
 * Returns the user who signed in: by the ID token, completed from userinfo if it lacks what was requested; else by
 * the definition's own way.
 *
 * @throws {OAuthError} `server_error` if nothing names a subject.
 */
export async function readIdentity(
  provider: Provider,
  server: Server,
  exchanged: Exchanged,
  { fetch, keys, memberships }: { fetch: Fetch; keys: ProviderKeys; memberships: boolean },
): Promise<Identity> {
  const { tokens, answer, idToken } = exchanged
  const { issuer, clientId: id, clientSecret: secret } = provider
  if (provider.identify)
    return provider.identify({ tokens, answer, client: { id, secret }, fetch, memberships })
  const from = provider.identity.from ?? (idToken ? 'both' : 'request')
  if (from === 'token') return mapIdentity(provider, answer, answer, { issuer, claims: {} })
  if (from === 'request') {
    const body = await requestUserinfo(provider, server, tokens, { fetch, keys })
    return mapIdentity(provider, body, answer, { issuer, claims: claimsOf(body) })
  }
  if (!idToken) throw unknownUser('the response has no ID token')
  const elsewhere = memberships && provider.memberships?.userinfo === true
  const wanted =
    elsewhere || (from === 'both' && provider.scopes.includes('email') && idToken.email === undefined)
  const more =
    wanted && server.userinfo_endpoint ? await requestUserinfo(provider, server, tokens, { fetch, keys }) : {}
  // A response about another subject may be someone else's (OpenID Connect Core §5.3.2).
  if (wanted && server.userinfo_endpoint && more.sub !== idToken.sub)
    throw unknownUser('userinfo is about another subject')
  const body = { ...more, ...idToken }
  return mapIdentity(provider, body, answer, { issuer: idToken.iss, claims: claimsOf(body) })
}

/** Returns `true` if a user has the claims that the definition requires. */
export const hasRequiredClaims = ({ requiredClaims = {} }: Provider, { claims }: Identity): boolean =>
  Object.entries(requiredClaims).every(([name, value]) => {
    const claim = Object.hasOwn(claims, name) ? claims[name] : undefined
    return typeof claim === 'string' && claim !== '' && (value === '*' || claim.toLowerCase() === value)
  })

/** Returns the claims about the user. */
export const claimsOf = (body: Json): Json =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !PROTOCOL_CLAIMS.has(name)))

function mapIdentity(
  { identity: map }: Provider,
  body: Json,
  answer: Json,
  { issuer, claims }: { issuer: string; claims: Json },
): Identity {
  const subject = textAt(body, map.subject)
  if (subject === undefined) throw unknownUser(`no ${map.subject} in the identity`)
  const tenant = textAt(body, map.tenant)
  // Without its tenant, the same subject may be another user.
  if (map.tenant !== undefined && tenant === undefined) throw unknownUser(`no ${map.tenant} in the identity`)
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
