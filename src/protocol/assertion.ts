import { asObject } from './members.ts'

/** The uses of an assertion: an ID-JAG for a person, or a workload's token at the token endpoint or at an MCP server. */
export type AssertionUse = 'id-jag' | 'workload' | 'bearer'

/** The claims of an assertion. */
export type Claims = Readonly<Record<string, unknown>>

/** @see [Identity Assertion Authorization Grant §4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant) */
const ID_JAG = 'oauth-id-jag+jwt'

/** The types of tokens that workloads get: none, a plain JWT, or a workload identity token. */
const OF_WORKLOADS: ReadonlySet<string> = new Set(['', 'jwt', 'jose', 'wit+jwt'])

/** Claims that only tokens of other purposes have: ID tokens of a sign-in, logout tokens and security events. */
const OF_OTHERS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']

/** Headers that lead to keys, or to an unknown extension. A key comes from the configuration only (RFC 8725 §3.10). */
const LEADING = ['jku', 'x5u', 'jwk', 'crit']

/**
 * Tells whether a text has the form of a signed JWT. Decoders skip blanks, so that one token would have many spellings.
 *
 * @see [RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)
 */
export const isCompact = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)

/**
 * Returns the media type in a `typ` header in one spelling. Empty if there is none, `undefined` if it is no text.
 *
 * @see [RFC 7515 §4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)
 */
export function typeOf({ typ }: { readonly typ?: unknown }): string | undefined {
  if (typ === undefined) return ''
  if (typeof typ !== 'string') return undefined
  return typ.toLowerCase().replace(/^application\//, '')
}

/** Tells whether a header is that of an ID-JAG. Any other token is judged as one of a workload. */
export const isIdJag = (header: Claims): boolean => typeOf(header) === ID_JAG

/** Tells whether a token may be one of a workload, by its type and its claims (RFC 8725 §3.11). */
export function mayBeWorkload(header: Claims, claims: Claims): boolean {
  const type = typeOf(header)
  return (
    type !== undefined && OF_WORKLOADS.has(type) && !OF_OTHERS.some((name) => Object.hasOwn(claims, name))
  )
}

/** Returns the header that must not be there, if there is one. */
export const leadingHeader = (header: Claims): string | undefined =>
  LEADING.find((name) => Object.hasOwn(header, name))

/**
 * Claims that narrow what a token permits: to the holder of a key (RFC 7800), or to what they describe (RFC 9396). Tokens
 * that are issued here carry neither, so dropping them would widen what the issuer gave.
 */
const NARROWING = ['cnf', 'authorization_details']

/** Returns the claim that would narrow the token and is not understood, if there is one. */
export const narrowingClaim = (claims: Claims): string | undefined =>
  NARROWING.find((name) => Object.hasOwn(claims, name))

/** Limits on the times of an assertion, in seconds. */
export interface TimeRules {
  readonly now: number
  readonly skew: number
  readonly maxLifetime: number
}

/**
 * Returns what is wrong with the times of an assertion. One without a time of issue is limited from now on.
 *
 * @see [RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)
 */
export function timeFault(
  { exp, iat, nbf }: Claims,
  { now, skew, maxLifetime }: TimeRules,
): string | undefined {
  for (const [name, value] of Object.entries({ exp, iat, nbf })) {
    if (value === undefined && name !== 'exp') continue
    if (typeof value !== 'number' || !Number.isFinite(value)) return `${name} must be a number`
  }
  const [end, issued, begin] = [exp, iat, nbf] as [number, number | undefined, number | undefined]
  if (end <= now - skew) return 'it has expired'
  if (issued !== undefined && issued > now + skew) return 'iat is in the future'
  if (begin !== undefined && begin > now + skew) return 'nbf is in the future'
  const from = issued ?? begin ?? now
  return end - from > maxLifetime + skew ? `it is valid for over ${maxLifetime} s` : undefined
}

/**
 * Returns the audiences of an assertion, or `undefined` for a claim that is none.
 *
 * @see [RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)
 */
export function audiencesOf({ aud }: Claims): readonly string[] | undefined {
  const all = Array.isArray(aud) ? aud : [aud]
  return all.length > 0 && all.every((one) => typeof one === 'string') ? all : undefined
}

const LONGEST_ID = 512

/** Returns a text that is not empty, or `undefined`. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Returns the `jti`, if it is one that can be remembered. */
export function idOf({ jti }: Claims): string | undefined {
  const id = textOf(jti)
  return id !== undefined && id.length <= LONGEST_ID ? id : undefined
}

/** Returns the trust domain of a SPIFFE id, as `spiffe://<domain>`. */
export const trustDomainOf = (subject: unknown): string | undefined =>
  typeof subject === 'string' ? /^(spiffe:\/\/[a-z0-9._-]{1,255})\/./.exec(subject)?.[1] : undefined

/**
 * Returns the issuer that an assertion names. A JWT-SVID need not name one: then it is the trust domain of its subject.
 *
 * @see [JWT-SVID §3](https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md#3-jwt-claims)
 */
export const issuerOf = (claims: Claims): string | undefined =>
  claims.iss === undefined ? trustDomainOf(claims.sub) : textOf(claims.iss)

/** Returns a member of an object that is an object itself. */
export const memberOf = (claims: Claims, name: string): Claims | undefined =>
  Object.hasOwn(claims, name) ? asObject(claims[name]) : undefined

/** Returns a value of a peer as an event may show it: short, printable, and never a token. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none')
  const safe = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
  return /ey[A-Z][\w-]{8,}\.[\w-]+/.test(safe) ? '(not shown)' : safe
}
