/**
 * Measures the built package at its limits, and prints tables of it.
 *
 *   npm run limits -- [--quick] [--only operations,stores,recovery,streams,restart]
 *                     [--sizes 1000,100000] [--stores redis,postgres] [--minutes 10]
 *
 * A number of grants whose writing takes longer than `--minutes` is left out, and the program says so.
 */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drillsOf, nameOf, runTests } from '../../contract/run-tests.ts'
import { locate } from '../../runtimes/locate.ts'
import type { Measurement } from '../measure.ts'
import { rollingRestart } from '../rolling.ts'
import { measureStreams } from '../streams.ts'
import { countStoreOperations } from './operations.ts'
import { lackOf, STORES, type StoreFigures } from './stores.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    sizes: { type: 'string' },
    only: { type: 'string' },
    stores: { type: 'string' },
    minutes: { type: 'string', default: '10' },
  },
})
/** The tests that restart a store, replace it, or let it hang. */
const DRILLS = ['redis-recovery', 'redis', 'postgres-recovery', 'postgres', 'restart']

const size = values.quick
  ? {
      rounds: 5,
      grants: '1000,5000',
      streams: 300,
      seconds: 3,
      warmUp: 2000,
      restarts: 1,
      drills: ['redis-recovery'],
    }
  : {
      rounds: 15,
      grants: '1000,100000,1000000',
      streams: 3000,
      seconds: 15,
      warmUp: 20_000,
      restarts: 3,
      drills: DRILLS,
    }
const sizes = values.sizes ?? size.grants
const stores = values.stores?.split(',') ?? STORES
for (const name of stores) if (!STORES.includes(name)) throw new Error(`there is no store "${name}"`)
const parts = values.only?.split(',') ?? ['operations', 'stores', 'recovery', 'streams', 'restart']
/** The most grants of stores that keep each in a file. With more, the file system is measured. */
const MOST: Readonly<Record<string, number>> = { fs: 100_000, 'durable-object': 1000 }

/** The runtimes of stores that Node 20 lacks. */
const RUNTIME: Readonly<Record<string, string | undefined>> = {
  sqlite: locate('node24'),
  'deno-kv': locate('deno'),
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const nodeFlags = ['--expose-gc', '--max-old-space-size=12000', '--import', 'tsx']
const denoFlags = ['run', '--allow-all', '--no-remote', '--unstable-kv', '--v8-flags=--expose-gc']
function script<T>(binary: string, path: string, ...args: string[]): T {
  const flags = binary === locate('deno') ? denoFlags : nodeFlags
  const output = execFileSync(binary, [...flags, here(path), ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(output.trim().split('\n').at(-1)!) as T
}

const [{ model = 'unknown' } = {}] = cpus()
console.log(
  `Node ${process.versions.node}, ${cpus().length} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `${new Date().toISOString().slice(0, 10)}`,
)

if (parts.includes('operations')) {
  console.log('\nOperations of the store')
  console.table((await countStoreOperations()).map(({ what, ...rest }) => ({ operation: what, ...rest })))

  console.log('\nCPU of one process: microseconds of an operation, and how many a core does in a second')
  const { figures } = script<Measurement>(process.execPath, '../in-process.ts', String(size.rounds), '200')
  console.table(
    figures
      .filter(({ subject, path }) => subject === 'lockgate' && !path.includes('registration'))
      .map(({ path, micros }) => ({
        operation: path,
        micros: Math.round(micros),
        'a second': Math.round(1e6 / micros),
      })),
  )
}

if (parts.includes('stores')) {
  console.log(
    '\nStores: bytes of a grant with its key, writes a second with 50 at once, milliseconds of a first call',
  )
  for (const name of stores) {
    const lack = lackOf(name)
    if (lack !== undefined) {
      console.warn(`${name} is left out: needs ${lack}`)
      continue
    }
    const wanted = sizes.split(',')
    const fitting = wanted.filter((one) => Number(one) <= (MOST[name] ?? Number.POSITIVE_INFINITY))
    for (const one of wanted)
      if (!fitting.includes(one)) console.warn(`${name} with ${one} grants is left out: too many files`)
    const binary = RUNTIME[name] ?? process.execPath
    const rows = script<StoreFigures[]>(binary, './store-process.ts', name, fitting.join(','), values.minutes)
    // One table for each: a run may be cut short.
    console.table(
      rows.map(({ store, grants, bytes, writes, coldMedian, coldSlowest, recovery }) => ({
        store,
        grants,
        'bytes per grant': Math.round(bytes),
        'writes a second': Math.round(writes),
        'first call, median ms': Number(coldMedian.toFixed(2)),
        'first call, 99 % ms': Number(coldSlowest.toFixed(2)),
        'back after a restart, ms': recovery === undefined ? '' : Math.round(recovery),
      })),
    )
  }
}

if (parts.includes('recovery')) {
  console.log('\nSeconds until a store works again, with every record')
  const { results, brokenFiles, passed } = runTests(
    ...size.drills.map((name) => `test/contract/${name}.test.ts`),
  )
  console.table(
    drillsOf(results).map(({ name, recovery }) => ({ drill: name, seconds: recovery.toFixed(2) })),
  )
  const broken = [
    ...results.filter(({ status }) => status === 'failed').map(nameOf),
    ...brokenFiles.map(({ name }) => name),
  ]
  if (!passed) throw new Error(`these drills failed: ${broken.join(', ')}`)
}

if (parts.includes('streams')) {
  console.log('\nOpen event streams, one event a second each')
  const runtimes = [
    { name: 'Node', binary: process.execPath },
    { name: 'Bun', binary: locate('bun') },
    { name: 'Deno', binary: locate('deno') },
    { name: 'Workers', binary: locate('workerd') },
  ]
  for (const { name, binary } of runtimes) {
    if (binary === undefined) {
      console.warn(`${name} is left out: its binary is not here`)
      continue
    }
    const cost = await measureStreams(size.streams, size.seconds, { binary, warmUp: size.warmUp })
    console.table([
      {
        runtime: name,
        streams: cost.streams,
        'bytes per stream': Math.round(cost.bytes),
        'CPU µs per event': Number(cost.micros.toFixed(1)),
        'events that arrived': `${(cost.arrived * 100).toFixed(1)} %`,
      },
    ])
  }
}

if (parts.includes('restart')) {
  console.log('\nRolling restart of three instances behind nginx, 300 requests a second')
  const rows: Record<string, unknown>[] = []
  for (const keepAlive of [true, false]) {
    const command = [process.execPath]
    const rolled = await rollingRestart({ command, keepAlive, rounds: size.restarts, rate: 300 })
    rows.push({
      'connections of nginx': keepAlive ? 'kept alive' : 'one for each request',
      requests: rolled.requests,
      failed: rolled.failed.length,
      with: [...new Set(rolled.failed)].join(', '),
      'longest stop, ms': Math.max(...rolled.stops),
    })
  }
  console.table(rows)
}
