import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { JOSEError, JWKInvalid } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { createBoundedMap } from '../bounded-map.ts'
import { createFetched } from '../http/fetch-cache.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Clock, Fetch, KeepAlive, Outbound } from '../ports.ts'
import type { ClientKeys, KeySet } from '../protocol/key-set.ts'
import type { Client } from './client.ts'

/** Bytes: certificates may come with the keys. */
const LIMIT = 64 * 1024
const MAX_SETS = 500

/**
 * Returns the public keys of a client. Keys at an address are kept for ten minutes. An unknown key fetches them again, but
 * not within half a minute.
 */
export function createClientKeys(ports: {
  fetch: Fetch
  outbound: Outbound | undefined
  loopback: boolean
  now: Clock
  keepAlive?: KeepAlive | undefined
}): (client: Pick<Client, 'kind'>, keys: ClientKeys) => JWTVerifyGetKey {
  const { fetch, outbound, loopback, now, keepAlive } = ports
  // The operator's own choice may lead anywhere; a stranger's may not.
  const direct: Outbound = (url, { accept, signal }) =>
    fetch(url, { headers: { accept }, redirect: 'manual', signal })
  const remote = {
    configured: createRemoteSets(direct, loopback, now, keepAlive),
    document: outbound && createRemoteSets(outbound, loopback, now, keepAlive),
  }
  return ({ kind }, { jwks, jwksUri }) => {
    if (jwks) return inlineSet(jwks)
    const sets = kind === 'configured' ? remote.configured : remote.document
    if (!sets || jwksUri === undefined) return createLocalJWKSet({ keys: [] })
    return sets(jwksUri)
  }
}

/** Keys that came with the client cannot be unavailable: one that cannot be used is the client's fault. */
function inlineSet(jwks: KeySet): JWTVerifyGetKey {
  const set = createLocalJWKSet(jwks as unknown as JSONWebKeySet)
  return (header, token) =>
    set(header, token).catch((error) => {
      throw error instanceof JOSEError ? error : new JWKInvalid('the key is not usable')
    })
}

function createRemoteSets(
  outbound: Outbound,
  loopback: boolean,
  now: Clock,
  keepAlive: KeepAlive | undefined,
): (url: string) => JWTVerifyGetKey {
  const sets = createBoundedMap<string, JWTVerifyGetKey>({ entries: MAX_SETS })
  const fetched = createFetched(
    now,
    async (url) => {
      const { value } = await fetchJson(outbound, url, { loopback, limit: LIMIT })
      return { value, freshFor: 0 }
    },
    keepAlive,
  )
  return (url) => {
    let set = sets.get(url)
    if (!set) {
      set = createRemoteJWKSet(new URL(url), { [customFetch]: async () => Response.json(await fetched(url)) })
      sets.set(url, set)
    }
    return set
  }
}
