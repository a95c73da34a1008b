import type { CompactVerifyGetKey, JSONWebKeySet } from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { ageOf } from '../age.ts'
import { OAuthError } from '../errors.ts'
import { freshFor } from '../http/cache-lifetime.ts'
import { fetchJson } from '../http/fetch-json.ts'
import { isLoopbackUrl } from '../http/loopback.ts'
import { parseUrl } from '../http/parse-url.ts'
import type { TrustedIssuerSettings } from '../options/options.ts'
import type { Clock, Fetch, KeepAlive, Outbound } from '../ports.ts'
import { asObject } from '../protocol/members.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'

/** The largest document, in bytes: certificates may come with the keys. */
const LIMIT = 64 * 1024

interface Kept {
  readonly getKey: CompactVerifyGetKey
  /** Seconds since the epoch. */
  readonly until: number
}

const unavailable = (issuer: string, detail: string, cause?: unknown) =>
  new OAuthError('temporarily_unavailable', 'The keys of the issuer are unavailable, try again', {
    reason: 'issuer-keys-unavailable',
    detail: `${issuer}: ${detail}`,
    cause,
    retryAfter: seconds.retryLater,
  })

/**
 * Returns the public keys of one trusted issuer. They are kept as long as their response says, between five minutes and a
 * day. An unknown key fetches them once more, but not twice within half a minute. Nothing is fetched before an assertion
 * of this issuer is there.
 *
 * @throws {OAuthError} `temporarily_unavailable` if the keys cannot be fetched. Keys that are kept still serve.
 * @throws {JOSEError} If no key fits, or several do.
 */
export function createIssuerKeys(
  { issuer, jwks }: Pick<TrustedIssuerSettings, 'issuer' | 'jwks'>,
  { fetch, now, keepAlive }: { fetch: Fetch; now: Clock; keepAlive?: KeepAlive | undefined },
): CompactVerifyGetKey {
  if (typeof jwks === 'object') return createLocalJWKSet(signingKeys(jwks.keys))
  const address = jwks
  const loads = createSingleFlight<Kept>({ keepAlive, longest: () => 3 * ms.issuerDocument })
  let kept: Kept | undefined
  let failure: { readonly error: OAuthError; readonly at: number } | undefined
  /** The time of the last fetch that an unknown key caused. */
  let renewedAt = Number.NEGATIVE_INFINITY

  async function loadOnce(): Promise<Kept> {
    const { keys, headers } = await fetchIssuerKeys({ issuer, jwks: address }, fetch)
    const lasting = Math.min(Math.max(freshFor(headers), seconds.issuerKeysLeast), seconds.issuerKeysMost)
    return { getKey: createLocalJWKSet(signingKeys(keys)), until: now() + lasting }
  }

  const load = () =>
    loads.join('keys', async () => {
      try {
        kept = await loadOnce()
        failure = undefined
        return kept
      } catch (cause) {
        const error = unavailable(issuer, cause instanceof TypeError ? cause.message : 'no response', cause)
        failure = { error, at: now() }
        throw error
      }
    })

  async function current(): Promise<Kept> {
    if (kept && kept.until > now()) return kept
    if (failure && ageOf(failure.at, now()) < seconds.issuerKeysFailed) throw failure.error
    return load()
  }

  return async (header, token) => {
    const found = await current()
    try {
      return await found.getKey(header, token)
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey)) throw error
      if (ageOf(renewedAt, now()) < seconds.issuerKeysPause && !loads.has('keys')) {
        // The key may be a new one, if the keys could not be fetched since.
        throw failure?.error ?? error
      }
      renewedAt = now()
      return (await load()).getKey(header, token)
    }
  }
}

/**
 * Fetches the keys of an issuer from their address, or from that in its discovery document.
 *
 * @throws {TypeError} With the fault. Also the errors of `fetch`.
 */
export async function fetchIssuerKeys(
  { issuer, jwks }: { readonly issuer: string; readonly jwks?: string | undefined },
  fetch: Fetch,
): Promise<{ keys: readonly unknown[]; headers: Headers }> {
  // The operator chose the issuer, so that it may be inside their own network.
  const outbound: Outbound = (url, { accept, signal }) =>
    fetch(url, { headers: { accept }, redirect: 'manual', signal })
  const get = (url: string) =>
    fetchJson(outbound, url, { loopback: true, limit: LIMIT, deadline: ms.issuerDocument })
  const { value, headers } = await get(jwks ?? (await findKeys(issuer, get)))
  const { keys } = asObject(value) ?? {}
  if (!Array.isArray(keys)) throw new TypeError('its answer is not a key set')
  return { keys, headers }
}

/** A bundle of SPIFFE marks its keys with a use of its own, which the library does not select. */
const signingKeys = (keys: readonly unknown[]): JSONWebKeySet => ({
  keys: keys.flatMap((key) => {
    const known = asObject(key)
    if (!known) return []
    return [{ ...known, ...(known.use === 'jwt-svid' && { use: 'sig' }) }] as JSONWebKeySet['keys']
  }),
})

/**
 * Returns the address of an issuer's keys, by OpenID Connect Discovery and else by RFC 8414.
 *
 * @throws {TypeError} If no document is about this very issuer.
 * @see [OpenID Connect Discovery §4.3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation)
 * @see [RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)
 */
async function findKeys(issuer: string, get: (url: string) => Promise<{ value: unknown }>): Promise<string> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const { value } = await get(`${origin}${path}/.well-known/openid-configuration`).catch(() =>
    get(`${origin}/.well-known/oauth-authorization-server${path}`),
  )
  const { issuer: named, jwks_uri: uri } = asObject(value) ?? {}
  if (named !== issuer) throw new TypeError('its discovery document names another issuer')
  if (typeof uri !== 'string' || !mayHoldKeys(uri, issuer))
    throw new TypeError('its discovery document names no https address of keys')
  return uri
}

/** A document that came over https cannot lead to http. */
function mayHoldKeys(uri: string, issuer: string): boolean {
  const url = parseUrl(uri)
  if (!url || url.username || url.password) return false
  const { protocol } = url
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackUrl(uri) && isLoopbackUrl(issuer))
}
