import type { JSONWebKeySet } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { createLocalJWKSet } from 'jose/jwks/local'
import { compactVerify } from 'jose/jws/compact/verify'
import type { Clock, Fetch } from '../ports.ts'
import { seconds } from '../timing.ts'
import { InvalidResponse } from './refusal.ts'

/** Algorithms with a public key. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

/** Verifies signatures of the provider. */
export interface ProviderKeys {
  /**
   * Verifies a signed token and returns its payload.
   *
   * @throws {InvalidResponse} For an algorithm without a public key, such as HS256, or without usable keys.
   * @throws {UpstreamUnavailable} If the keys cannot be fetched.
   * @throws {Error} For an invalid signature or an unknown key.
   */
  verify(token: string, keysUrl: string): Promise<Uint8Array>
}

interface Kept {
  readonly url: string
  readonly set: JSONWebKeySet
  /** Until then they serve without a fetch. In seconds since the epoch. */
  readonly fresh: number
  /** Until then they serve if newer ones cannot be fetched. */
  readonly usable: number
}

/**
 * Fetches the provider's keys when they are needed, and again if they do not fit: the provider may have replaced them. The
 * last valid ones serve for another hour while they cannot be fetched.
 */
export function createProviderKeys(fetch: Fetch, now: Clock): ProviderKeys {
  let kept: Kept | undefined

  async function load(url: string): Promise<JSONWebKeySet> {
    const response = await fetch(url, { headers: { accept: 'application/json, application/jwk-set+json' } })
    const set = response.ok ? ((await response.json().catch(() => undefined)) as JSONWebKeySet) : undefined
    if (!Array.isArray(set?.keys)) throw new InvalidResponse(`${new URL(url).host} has no usable key set`)
    const fresh = now() + seconds.providerKeys
    kept = { url, set, fresh, usable: fresh + seconds.providerKeysAway }
    return set
  }

  const check = async (token: string, set: JSONWebKeySet) =>
    (await compactVerify(token, createLocalJWKSet(set), { algorithms: ALGORITHMS })).payload

  return {
    async verify(token, keysUrl) {
      const { alg } = decodeProtectedHeader(token)
      if (typeof alg === 'string' && /^HS\d{3}$/.test(alg)) throw symmetric(alg)
      const fresh = kept?.url === keysUrl && kept.fresh > now() ? kept : undefined
      if (fresh) return check(token, fresh.set).catch(async () => check(token, await load(keysUrl)))
      const last = kept
      try {
        return await check(token, await load(keysUrl))
      } catch (error) {
        // `kept` is new if the keys were fetched and the token does not fit them.
        if (kept !== last || last?.url !== keysUrl || last.usable <= now()) throw error
        kept = { ...last, fresh: now() + seconds.discoveryFailed }
        // A token that does not fit may be signed with a key that could not be fetched.
        return await check(token, last.set).catch(() => {
          throw error
        })
      }
    },
  }
}

const symmetric = (alg: string) =>
  new InvalidResponse(
    `its tokens are signed with ${alg}, a shared secret that is not verified here: ` +
      'choose RS256 or ES256 for the application at the provider',
  )
