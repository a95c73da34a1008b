import type { Fetch, Store } from 'lockgate'
import { type Call, faulty } from './faulty-store.ts'

/** A process that ends at one of its calls to the storage. */
export interface Doomed {
  readonly store: Store
  readonly fetch: Fetch
  /** Counts calls until told to end: at the call of that number, before or after it was carried out. */
  arm(at: number, when: 'before' | 'after'): void
  readonly calls: number
  readonly dead: boolean
}

const gone = () => new Error('the process has ended')

/** After its end it reaches neither storage nor provider, and nobody hears its answers. */
export function doomed(shared: Store): Doomed {
  let calls = 0
  let dead = false
  let end: { at: number; when: 'before' | 'after' } | undefined
  const store = faulty(shared)
  store.fault = async (_call: Call, proceed) => {
    if (dead) throw gone()
    const isLast = ++calls === end?.at
    if (isLast && end?.when === 'before') {
      dead = true
      throw gone()
    }
    const done = await proceed()
    if (isLast) {
      dead = true
      throw gone()
    }
    return done
  }
  return {
    store,
    fetch: async (input, init) => {
      if (dead) throw gone()
      return fetch(input, init)
    },
    arm(at, when) {
      calls = 0
      end = { at, when }
    },
    get calls() {
      return calls
    },
    get dead() {
      return dead
    },
  }
}
