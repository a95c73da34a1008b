import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import type { Sealer } from '../crypto/seal.ts'
import type { Store } from '../ports.ts'

/** The longest `state` that a cookie holds, in characters. */
const IN_COOKIE = 600

/** Tells whether a cookie has room for a `state`. */
export const isShort = (state: string | undefined): boolean => (state?.length ?? 0) <= IN_COOKIE

/** A client's `state` while its user signs in: itself, or the name under which the storage keeps it. */
export interface KeptState {
  readonly state: string | undefined
  readonly stateKept?: string
}

/**
 * Keeps the `state` of a client while its user signs in. A sign-in under way is in a cookie, which has no room for a long
 * one. Those are sealed and stored until the sign-in expires.
 */
export interface ClientStates {
  keep(state: string | undefined): Promise<KeptState>
  /** Returns the state, or `undefined` if it has expired. */
  load(kept: KeptState): Promise<string | undefined>
  /** Removes a stored state. */
  drop(kept: KeptState): Promise<void>
}

/** @param ports.ttl The lifetime of a sign-in, in seconds. */
export function createClientStates({
  store,
  sealer,
  ttl,
}: {
  readonly store: Store
  readonly sealer: Sealer
  readonly ttl: number
}): ClientStates {
  const keyOf = (name: string) => `state:${digest(name)}`
  return {
    async keep(state) {
      if (state === undefined || isShort(state)) return { state }
      const name = randomId()
      await store.set(keyOf(name), { sealed: sealer.seal('client-state', name, state) }, ttl)
      return { state: undefined, stateKept: name }
    },
    async load({ state, stateKept: name }) {
      if (name === undefined) return state
      const record = (await store.get(keyOf(name)))?.value as { sealed?: string } | undefined
      return sealer.open('client-state', name, record?.sealed ?? '') as string | undefined
    },
    async drop({ stateKept: name }) {
      if (name !== undefined) await store.delete(keyOf(name))
    },
  }
}
