import type { Store } from '../../../src/index.ts'
import { type Finding, fail, ok, show, warn } from '../finding.ts'

const ROUNDS = 5
/** Seconds: a probe that could not be deleted expires. */
const TTL = 60

const TRIP = ['storage.round-trip', 'Stored records can be read'] as const
const RACE = ['storage.race', 'Of two writers one wins'] as const

/**
 * Writes a record, reads it back and deletes it. Lets two writers race for one key. Reads the warnings of the engine.
 *
 * @param second Another connection to the same storage: two processes would race with their own.
 */
export async function storageFindings(
  store: Store,
  second: Store = store,
  timeout = 10_000,
): Promise<Finding[]> {
  try {
    const findings = [await inTime(roundTrip(store), timeout), await inTime(race(store, second), timeout)]
    return [...findings, ...(await inTime(configuration(store), timeout))]
  } catch (error) {
    return [
      fail(...TRIP, {
        seen: show(error instanceof Error ? error.message : 'an error'),
        expected: 'a record that is written, read and deleted',
        fix: 'Let this machine reach the storage with these credentials (in Lockgate: `storage`, LOCKGATE_STORAGE).',
      }),
    ]
  }
}

async function roundTrip(store: Store): Promise<Finding> {
  // A store for one process must not be written while another one serves it. Its own check can do without.
  if (store.consistency === 'process' && store.check) {
    await store.check()
    return ok(...TRIP)
  }
  const key = newKey()
  const value = { probe: crypto.randomUUID() }
  await store.set(key, value, TTL)
  const read = await store.get(key)
  await store.delete(key)
  const same = JSON.stringify(read?.value) === JSON.stringify(value)
  const gone = (await store.get(key)) === undefined
  if (same && gone) return ok(...TRIP)
  const isLate = store.consistency === 'eventual'
  return (isLate ? warn : fail)(...TRIP, {
    seen: same ? 'a deleted record is still there' : 'another value, or none',
    expected: isLate ? 'the same value within seconds' : 'the same value at once',
    fix: 'Use a storage that keeps what is written, and give no two deployments the same prefix.',
  })
}

async function race(store: Store, second: Store): Promise<Finding> {
  if (store.consistency === 'process' && store.check)
    return ok(...RACE, 'within one process: run no second one')
  let worst = 1
  for (let round = 0; round < ROUNDS; round++) {
    const key = newKey()
    const won = await Promise.all([store.swap(key, undefined, 1, TTL), second.swap(key, undefined, 2, TTL)])
    await store.delete(key)
    const winners = won.filter(Boolean).length
    if (winners !== 1) worst = winners
  }
  const seen = `${worst} of 2 writers won`
  if (store.consistency === 'eventual') {
    return warn(...RACE, {
      seen: `${worst === 1 ? 'this storage is' : `${seen}: this storage is`} eventually consistent`,
      expected: 'compare-and-set across processes',
      fix: 'Use Redis, PostgreSQL, SQLite, Deno KV or a Durable Object if two processes must never both accept one code.',
    })
  }
  const isOne = store.consistency === 'process'
  if (worst === 1) return ok(...RACE, isOne ? 'within one process: run no second one' : 'across processes')
  return fail(...RACE, {
    seen,
    expected: 'exactly one, in each round',
    fix: 'Use a storage with a true compare-and-set. With this one a stolen code or refresh token can be used twice.',
  })
}

/** Settings of the engine under which records can be lost, such as an eviction policy of Redis. */
async function configuration(store: Store): Promise<Finding[]> {
  if (!store.warnings) return []
  const [id, title] = ['storage.configuration', 'The storage keeps records until they expire']
  const [first, ...others] = await store.warnings()
  if (first === undefined) return [ok(id, title)]
  return [
    warn(id, title, {
      seen: show([first, ...others].join(' '), 1000),
      expected: 'an engine that removes no record before it expires',
      fix: 'Change the configuration of the engine as named there.',
    }),
  ]
}

/** In the shape of real keys, so that every storage accepts it. */
const newKey = () => `grant:doctor:${crypto.randomUUID()}`

async function inTime<T>(work: Promise<T>, timeout: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${timeout / 1000} s`)), timeout)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
