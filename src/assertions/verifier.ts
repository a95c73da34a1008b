import type { CompactVerifyGetKey } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JOSEError } from 'jose/errors'
import { compactVerify } from 'jose/jws/compact/verify'
import { decodeJwt } from 'jose/jwt/decode'
import { OAuthError } from '../errors.ts'
import type { TrustedIssuerSettings } from '../options/options.ts'
import type { Clock, Fetch, KeepAlive } from '../ports.ts'
import {
  type AssertionUse,
  audiencesOf,
  type Claims,
  isCompact,
  isIdJag,
  issuerOf,
  leadingHeader,
  mayBeWorkload,
  narrowingClaim,
  shown,
  textOf,
  timeFault,
  trustDomainOf,
} from '../protocol/assertion.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { invalidAssertion } from '../refusals.ts'
import { seconds } from '../timing.ts'
import { createIssuerKeys } from './issuer-keys.ts'

/** Characters of the longest assertion. */
const LIMIT = 16 * 1024

/** A token whose parts have been read. Nothing in it is verified. */
export interface ReadToken {
  readonly header: Claims
  readonly claims: Claims
}

/** An assertion that one trusted issuer signed, for this server, and that is valid now. */
export interface Verified {
  readonly issuer: TrustedIssuerSettings
  readonly claims: Claims
  readonly subject: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** Makes a refusal of this assertion whose event names it. */
  refuse(reason: ReasonCode, detail?: string): OAuthError
}

type NameSubject = (issuer: string, subject: string) => string

/** Verifies assertions of trusted issuers. */
export interface Verifier {
  /** Tells whether a token names an issuer of this use. Nothing is verified. */
  trusts(token: ReadToken, use: AssertionUse): boolean
  /**
   * Verifies all that is common to all assertions. Cheap checks come first: an issuer that is not trusted for this use
   * causes no fetch.
   *
   * @param audience The accepted values of `aud`, unless the issuer's entry names others.
   * @throws {OAuthError} `invalid_grant`, or `temporarily_unavailable` if the keys cannot be fetched.
   */
  verify(token: string, use: AssertionUse, audience: readonly string[]): Promise<Verified>
}

/**
 * Reads the parts of a signed JWT.
 *
 * @returns The fault as a text, if it is none.
 */
export function readToken(token: string): ReadToken | string {
  if (token.length > LIMIT) return `it is over ${LIMIT / 1024} KiB`
  if (token.split('.').length === 5) return 'it is encrypted'
  if (!isCompact(token)) return 'it is not a signed JWT'
  try {
    return { header: decodeProtectedHeader(token) as Claims, claims: decodeJwt(token) }
  } catch {
    return 'it is not a signed JWT'
  }
}

/** @param ports.naming Returns the function that makes a keyed hash of a subject of an issuer, for events. */
export function createVerifier(
  issuers: readonly TrustedIssuerSettings[],
  ports: {
    fetch: Fetch
    now: Clock
    keepAlive?: KeepAlive | undefined
    naming: () => Promise<NameSubject>
  },
): Verifier {
  const { now, naming } = ports
  const keys = new Map<TrustedIssuerSettings, CompactVerifyGetKey>(
    issuers.map((entry) => [entry, createIssuerKeys(entry, ports)]),
  )

  const find = (claims: Claims, use: AssertionUse): TrustedIssuerSettings | undefined => {
    const named = issuerOf(claims)
    return issuers.find(({ issuer, use: uses }) => issuer === named && uses.includes(use))
  }

  function describe({ header, claims }: ReadToken, nameOf: NameSubject): string {
    const issuer = issuerOf(claims) ?? ''
    const subject = textOf(claims.sub)
    return [
      `iss ${shown(claims.iss)}`,
      ...(subject === undefined ? [] : [`sub ${nameOf(issuer, subject)}`]),
      ...(header.kid === undefined ? [] : [`kid ${shown(header.kid)}`]),
    ].join(', ')
  }

  return {
    trusts: ({ claims }, use) => find(claims, use) !== undefined,
    async verify(token, use, audience) {
      const read = readToken(token)
      if (typeof read === 'string') throw invalidAssertion('assertion-malformed', read)
      const { header, claims } = read
      const nameOf = await naming()
      const refuse = (reason: ReasonCode, detail?: string) =>
        invalidAssertion(reason, `${detail === undefined ? '' : `${detail}; `}${describe(read, nameOf)}`)
      const fits = use === 'id-jag' ? isIdJag(header) : mayBeWorkload(header, claims)
      if (!fits) throw refuse('assertion-type', `typ ${shown(header.typ)}`)
      const entry = find(claims, use)
      if (!entry) throw refuse('assertion-issuer-unknown', `for ${use}`)
      const leading = leadingHeader(header)
      if (leading !== undefined) throw refuse('assertion-signature', `the header has ${leading}`)
      if (!entry.algorithms.includes(header.alg as string))
        throw refuse('assertion-signature', `alg ${shown(header.alg)}`)
      await checkSignature(token, entry, keys.get(entry)!, refuse)
      const subject = textOf(claims.sub)
      if (subject === undefined) throw refuse('assertion-claims', 'sub')
      const narrowing = narrowingClaim(claims)
      if (narrowing !== undefined)
        throw refuse('assertion-claims', `${narrowing} ${shown(claims[narrowing])}`)
      const { issuer } = entry
      if (issuer.startsWith('spiffe:') && trustDomainOf(subject) !== issuer)
        throw refuse('assertion-claims', 'sub is of another trust domain')
      const fault = timeFault(claims, {
        now: now(),
        skew: entry.clockSkew,
        maxLifetime: entry.maxLifetime ?? (use === 'id-jag' ? seconds.idJagLife : seconds.workloadLife),
      })
      if (fault !== undefined) throw refuse('assertion-expired', fault)
      const accepted = entry.audience ?? audience
      if (!isFor(claims, use, accepted)) {
        const values = `expected ${accepted.join(' or ')}, received ${shown(claims.aud)}`
        throw refuse('assertion-audience', values)
      }
      return { issuer: entry, claims, subject, expiresAt: claims.exp as number, refuse }
    },
  }
}

async function checkSignature(
  token: string,
  { algorithms }: TrustedIssuerSettings,
  getKey: CompactVerifyGetKey,
  refuse: (reason: ReasonCode, detail?: string) => OAuthError,
): Promise<void> {
  try {
    await compactVerify(token, getKey, { algorithms: [...algorithms] })
  } catch (error) {
    if (error instanceof OAuthError) throw error
    // The library's messages name headers, never their values. Any other failure is that of an unusable key.
    throw refuse('assertion-signature', error instanceof JOSEError ? error.message : 'the key is not usable')
  }
}

/** An ID-JAG has one audience (its profile §4.4.1). A token of a workload may name several, if all are this server. */
function isFor(claims: Claims, use: AssertionUse, accepted: readonly string[]): boolean {
  const named = audiencesOf(claims)
  if (!named || (use === 'id-jag' && named.length !== 1)) return false
  return named.every((one) => accepted.includes(one))
}
