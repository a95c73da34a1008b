import type { Sealer } from '../crypto/seal.ts'
import { importKey, makeKey, readJwk, type Signature, type SigningKey } from '../crypto/signing-key.ts'
import type { Emit } from '../events/event.ts'
import { type Clock, type KeepAlive, type Store, UnreadableRecord, type Versioned } from '../ports.ts'
import { busy } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import { seconds } from '../timing.ts'
import type { KeySource } from './key-source.ts'
import { nextKeyFrom, type RotationRules, type StoredKey, signingAt, stillNeeded } from './rotation.ts'

const ATTEMPTS = 10

interface Loaded {
  readonly keys: readonly StoredKey[]
  readonly ready: readonly SigningKey[]
  /** By the clock of the process, in seconds. */
  readonly at: number
}

const recordOf = (alg: Signature): string => `signing:${alg}`

/**
 * Makes keys, and keeps them in the storage, sealed. Instances that start together end with one key, because each change
 * is one compare-and-set. The private key follows from no secret: a secret that leaks opens a record, and makes no token.
 *
 * @param ports.algorithms The algorithms that are in use. One record each.
 */
export function storedKeys(ports: {
  algorithms: readonly Signature[]
  store: Store
  sealer: Sealer
  rules: RotationRules
  now: Clock
  /** A clock that is never set back. */
  uptime: Clock
  emit: Emit
  keepAlive?: KeepAlive | undefined
}): KeySource {
  const { algorithms, store, sealer, rules, now, uptime, emit } = ports
  const loads = createSingleFlight<Loaded>({ keepAlive: ports.keepAlive })
  const loaded = new Map<Signature, Loaded>()

  /** Opens a record. One that no secret opens any more counts as absent: all its tokens are invalid as well. */
  function open(alg: Signature, found: Versioned | undefined): readonly StoredKey[] {
    if (!found) return []
    const { sealed = '' } = (found.value ?? {}) as { sealed?: string }
    const keys = sealer.open('signing-keys', recordOf(alg), sealed)
    if (Array.isArray(keys)) return keys as StoredKey[]
    emit({ type: 'failed', reason: 'signing-keys-unreadable', detail: alg })
    return []
  }

  async function read(alg: Signature): Promise<Versioned | undefined> {
    try {
      return await store.get(recordOf(alg))
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
      emit({ type: 'failed', reason: 'signing-keys-unreadable', detail: alg })
      await store.delete(recordOf(alg))
      return undefined
    }
  }

  async function load(alg: Signature): Promise<Loaded> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await read(alg)
      const before = open(alg, found)
      const from = nextKeyFrom(before, now(), rules)
      const kept = stillNeeded(before, now(), rules)
      const keys = from === undefined ? kept : [...kept, { jwk: await makeKey(alg), signsFrom: from }]
      const { sealed = '' } = (found?.value ?? {}) as { sealed?: string }
      const isSame = from === undefined && kept.length === before.length && sealer.isCurrent(sealed)
      if (isSame || (await write(alg, found?.version, keys))) return keep(alg, keys)
    }
    throw busy('signing-keys-busy')
  }

  const write = (
    alg: Signature,
    version: string | undefined,
    keys: readonly StoredKey[],
  ): Promise<boolean> => {
    const sealed = sealer.seal('signing-keys', recordOf(alg), keys)
    return store.swap(
      recordOf(alg),
      version,
      { sealed },
      2 * rules.every + rules.tokenLife + seconds.keyOverlap,
    )
  }

  async function keep(alg: Signature, keys: readonly StoredKey[]): Promise<Loaded> {
    const known = loaded.get(alg)?.ready ?? []
    const ready = await Promise.all(
      keys.map(({ jwk }) => known.find(({ kid }) => kid === jwk.kid) ?? importKey(readJwk(jwk))),
    )
    const result = { keys, ready, at: uptime() }
    loaded.set(alg, result)
    return result
  }

  /** @param within Seconds for which an earlier reading is good enough. */
  async function fresh(alg: Signature, within: number): Promise<Loaded> {
    const known = loaded.get(alg)
    if (known && uptime() - known.at < within) return known
    return loads
      .join(alg, () => load(alg))
      .catch((error: unknown) => {
        // What was read before stays true. A new key is published a day before it signs.
        if (known) return known
        throw error
      })
  }

  const every = async (within: number) =>
    (await Promise.all(algorithms.map((alg) => fresh(alg, within)))).flatMap(({ ready }) => ready)

  return {
    async current(alg) {
      const { keys, ready } = await fresh(alg, seconds.signingKeysRead)
      const { jwk } = signingAt(keys, now()) ?? keys[0]!
      return ready.find(({ kid }) => kid === jwk.kid)!
    },
    all: () => every(seconds.signingKeysRead),
    newest: () => every(seconds.signingKeysPause),
  }
}
