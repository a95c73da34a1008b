import type { Store } from 'lockgate'
import { expect, TestRunner } from 'vitest'
import { listed } from './key-rules.ts'

/** The findings of a drill, for the report of `npm run test:stores`. */
export interface Drill {
  /** The longest time until everything worked again, in milliseconds. */
  readonly recovery: number
  /** Records, or confirmed changes of one, that were looked for afterwards. Each of them was there. */
  readonly kept: number
}

declare module 'vitest' {
  interface TaskMeta {
    drill?: Drill
  }
}

/** Adds to the findings of the running test. */
function found({ recovery = 0, kept = 0 }: Partial<Drill>): void {
  const { meta } = TestRunner.getCurrentTest()!
  const { drill } = meta
  meta.drill = {
    recovery: Math.max(recovery, drill?.recovery ?? 0),
    kept: kept + (drill?.kept ?? 0),
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** The longest time that a recovery may take, in milliseconds. */
const LIMIT = 10_000

/** Waits until `attempt` no longer rejects. @throws {Error} If that takes more than ten seconds. */
export async function recovers(attempt: () => Promise<unknown>): Promise<void> {
  const began = Date.now()
  for (;;) {
    try {
      await attempt()
      break
    } catch (error) {
      if (Date.now() - began > LIMIT + 5000) throw error
      await sleep(50)
    }
  }
  const time = Date.now() - began
  expect(time).toBeLessThan(LIMIT)
  found({ recovery: time })
}

/** Waits until a write, a read and a listing work again. @throws {Error} If that takes more than ten seconds. */
export const recovery = (store: Store, key: string): Promise<void> =>
  recovers(async () => {
    const at = Date.now()
    await store.set(key, { at }, 60)
    expect((await store.get(key))?.value).toEqual({ at })
    expect(await listed(store, key.slice(0, key.lastIndexOf(':') + 1))).toContain(key)
  })

/** Expects that records are as they were confirmed. @param changes Confirmed changes that led to a value. */
export async function expectKept(
  store: Store,
  records: Readonly<Record<string, unknown>>,
  changes = Object.keys(records).length,
): Promise<void> {
  for (const [key, value] of Object.entries(records)) expect((await store.get(key))?.value).toEqual(value)
  found({ kept: changes })
}

/** Notes grants that were tried afterwards, each with success. */
export const keptGrants = (count: number): void => found({ kept: count })
