import type { IDToken } from 'oauth4webapi'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import { isPlainAddress } from '../protocol/allow.ts'
import { namesAt } from '../providers/parts/memberships.ts'
import { isTrueAt, textAt } from '../providers/parts/pointer.ts'
import { getJson, unknownUser } from '../providers/parts/who.ts'
import type { Provider } from '../providers/provider.ts'
import type { Server } from './discovery.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { type Json, requestUserinfo } from './userinfo.ts'

/** Claims about the token, not about the user. */
const PROTOCOL_CLAIMS = new Set(
  'iss aud exp iat nbf jti nonce at_hash c_hash s_hash azp auth_time sid sub'.split(' '),
)

/** Claims that hold groups by convention, for definitions that name none. */
const GROUPS = ['groups', 'roles']

/** The result of one code exchange. */
export interface Exchanged {
  readonly tokens: UpstreamTokens
  /** The token response. */
  readonly answer: Json
  readonly idToken: IDToken | undefined
}

/** The memberships that `allow` needs. */
export interface Needs {
  /** Organizations and teams. */
  readonly memberships: boolean
  readonly groups: boolean
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
  { fetch, keys, needs }: { fetch: Fetch; keys: ProviderKeys; needs: Needs },
): Promise<Identity> {
  const { tokens, answer, idToken } = exchanged
  const { callback = {} } = tokens
  const { issuer, clientId: id, clientSecret: secret } = provider
  const { memberships, groups } = needs
  if (provider.identify) {
    const client = { id, secret }
    return provider.identify({ tokens, answer, callback, client, fetch, memberships, groups })
  }
  const from = provider.identity.from ?? (idToken ? 'both' : 'request')
  const userinfo = () => requestUserinfo(provider, server, tokens, { fetch, keys })
  const map = async (body: Json, about: { issuer: string; claims: Json }) => {
    const identity = mapIdentity(provider, body, answer, about)
    if (!memberships || provider.memberships?.request === undefined) return identity
    const organizations = await requestMemberships(provider.memberships.request, tokens, fetch)
    return { ...identity, claims: { ...identity.claims, organizations } }
  }
  if (from === 'token') return map(answer, { issuer, claims: {} })
  if (from === 'request') {
    const body = await userinfo()
    return map(body, { issuer, claims: claimsOf(body) })
  }
  if (!idToken) throw unknownUser('the response has no ID token')
  if (from === 'id_token' || !server.userinfo_endpoint || isComplete(provider, idToken, needs))
    return map(idToken, { issuer: idToken.iss, claims: claimsOf(idToken) })
  const more = await userinfo()
  // A response about another subject may belong to another user (OpenID Connect Core §5.3.2).
  if (more.sub !== idToken.sub) throw unknownUser('userinfo is about another subject')
  const body = { ...more, ...idToken }
  return map(body, { issuer: idToken.iss, claims: claimsOf(body) })
}

/** Returns `true` if userinfo can add nothing that is needed to the ID token. */
function isComplete(provider: Provider, idToken: IDToken, { memberships, groups }: Needs): boolean {
  if (memberships && provider.memberships?.userinfo === true) return false
  const pointers = provider.identity.groups ?? GROUPS
  const hasGroups = pointers.some((pointer) => namesAt(idToken, pointer).length > 0)
  if (groups && (provider.groups?.userinfo === true || !hasGroups)) return false
  return !provider.scopes.includes('email') || idToken.email !== undefined
}

async function requestMemberships(
  { url, orgs }: { url: string; orgs: Parameters<typeof namesAt>[1] },
  { accessToken }: UpstreamTokens,
  fetch: Fetch,
): Promise<string[]> {
  return namesAt(await getJson(fetch, url, { authorization: `Bearer ${accessToken}` }), orgs)
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

/** Returns the identity in a response. @param answer The token response, for facts. */
export function mapIdentity(
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
  const email = textAt(body, map.email) ?? textAt(body, map.otherEmail)
  return {
    issuer,
    tenant,
    subject,
    email,
    emailVerified: isVerified(body, map, email),
    name: textAt(body, map.name) ?? textAt(body, map.otherName),
    claims: {
      ...claims,
      ...(map.orgs && organizationsOf(map.orgs.flatMap((pointer) => namesAt(body, pointer)))),
      ...(map.groups && { groups: [...new Set(map.groups.flatMap((pointer) => namesAt(body, pointer)))] }),
      ...Object.fromEntries(facts.filter(([, value]) => value !== undefined)),
    },
  }
}

const isVerified = (
  body: Json,
  { emailVerified: said, emailDomains: domains }: Provider['identity'],
  email: string | undefined,
): boolean =>
  (said === true ? email !== undefined : isTrueAt(body, said)) &&
  (email === undefined || isPlainAddress(email)) &&
  isVouchedFor(email, domains, body)

/** Returns `true` if the provider is responsible for the domain of an address. */
function isVouchedFor(
  email: string | undefined,
  domains: Provider['identity']['emailDomains'],
  body: Json,
): boolean {
  if (domains === undefined) return true
  const domain = email?.slice(email.lastIndexOf('@') + 1).toLowerCase()
  const own = domains.claim === undefined ? undefined : textAt(body, domains.claim)?.toLowerCase()
  return domain !== undefined && (domain === own || (domains.fixed?.includes(domain) ?? false))
}

const organizationsOf = (names: readonly string[]): { organizations: string[]; teams: string[] } => ({
  organizations: [...new Set(names.filter((name) => !name.includes('/')))],
  teams: [...new Set(names.filter((name) => name.includes('/')))],
})
