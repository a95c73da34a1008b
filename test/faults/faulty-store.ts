import type { Store } from 'lockgate'

/** The calls a fault may be put at. */
export type Call = 'get' | 'set' | 'swap' | 'delete'

/**
 * Does one call of a store. `proceed` reaches the store itself; what is returned or thrown instead is what the proxy
 * gets.
 */
export type Fault = (call: Call, proceed: () => Promise<unknown>) => Promise<unknown>

/** A store in which whatever `fault` says goes wrong; right while it is `undefined`. */
export interface FaultyStore extends Store {
  fault: Fault | undefined
}

export function faulty(store: Store): FaultyStore {
  const through = <T>(call: Call, proceed: () => Promise<T>): Promise<T> =>
    self.fault ? (self.fault(call, proceed) as Promise<T>) : proceed()
  const self: FaultyStore = {
    consistency: store.consistency,
    fault: undefined,
    get: (key) => through('get', () => store.get(key)),
    set: (key, value, ttl) => through('set', () => store.set(key, value, ttl)),
    swap: (key, version, value, ttl) => through('swap', () => store.swap(key, version, value, ttl)),
    delete: (key) => through('delete', () => store.delete(key)),
    keys: (prefix) => store.keys(prefix),
  }
  return self
}

const cutOff = () => new Error('connection reset by peer')

/** Nothing reaches the engine. */
export const cut: Fault = async () => {
  throw cutOff()
}

/** Reading works, writing does not. */
export const full: Fault = async (call, proceed) => {
  if (call === 'get') return proceed()
  throw new Error('no space left on device')
}

export const slow: Fault = async (_call, proceed) => {
  await new Promise((resolve) => setTimeout(resolve, 400))
  return proceed()
}

/** What is written is written, but nobody hears of it. */
export const answersLost: Fault = async (call, proceed) => {
  const done = await proceed()
  if (call === 'get') return done
  throw cutOff()
}

/** Somebody else is always faster. */
export const racesLost: Fault = async (call, proceed) => (call === 'swap' ? false : proceed())
