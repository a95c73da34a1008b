/**
 * Lets clients sign in, refresh, call and stream for a long time against two instances on one Redis, and counts every
 * answer that is not the one it should be, and what the instances' memory does. There must be none, and it must stay flat.
 *
 *   npm run soak -- [--minutes 60] [--workers 6]
 *
 * Needs the build and a `redis-server` or REDIS_URL.
 */
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { freePort } from '../support/free-port.ts'
import { startProvider } from '../support/provider.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { bootInstance, type Instance, type Memory } from './instance.ts'
import { startServerBehind } from './server-behind.ts'
import { growthOf } from './trend.ts'
import { createVisitor, type Totals } from './visitor.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, workers: { type: 'string', default: '6' } },
})
const [minutes, workers] = [Number(values.minutes), Number(values.workers)]
if (noRedis) {
  console.error(`Nothing to run on: needs ${noRedis}.`)
  process.exit(1)
}

/** What the first third of the time is for: compilers, caches, connections. */
const WARM_UP = 1 / 3
/** Bytes that an instance may hold for each access token it has seen lately, and of how many it does. */
const PER_TOKEN = 4096
const TOKENS_KEPT = 10_000
/** Bytes that a heap may differ by otherwise. */
const SLACK = 8 * 2 ** 20
const SAMPLES = 60

const port = await freePort()
const issuer = `http://localhost:${port}`
const redis = await startRedis()
const provider = await startProvider({ redirectUris: [`${issuer}/callback`] })
const behind = await startServerBehind()
const env = {
  PATH: process.env.PATH,
  LOCKGATE_URL: issuer,
  LOCKGATE_SECRET: 'one secret that all the instances share with each other',
  LOCKGATE_STORAGE: redis.url,
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
  LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
  LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
  LOCKGATE_MCP: behind.url,
  // Each visitor does the work of many, all from one address: they are counted as ever, and never too many.
  LOCKGATE_LIMITS_ADDRESS: '1000000',
  LOCKGATE_LIMITS_CLIENT: '1000000',
  LOCKGATE_LIMITS_USER: '1000000',
}
const instances: Instance[] = [await bootInstance(env, port), await bootInstance(env, await freePort())]

/** Sends a request to some instance, as a load balancer would. */
function reach(request: Request): Promise<Response> {
  const url = new URL(request.url)
  if (url.origin !== issuer) return fetch(request)
  url.port = String(instances[Math.floor(Math.random() * instances.length)]!.port)
  return fetch(new Request(url, request))
}

const totals: Totals = {
  'sign-ins': 0,
  refreshes: 0,
  'calls forwarded': 0,
  'streams read to the end': 0,
  'streams left in the middle': 0,
  'made-up tokens refused': 0,
  'grants revoked': 0,
  'tokens issued': 0,
}
const errors: string[] = []
const start = Date.now()
const until = start + minutes * 60_000
const visits = Array.from({ length: workers }, async (_, index) => {
  const visit = createVisitor({ issuer, reach, totals, login: `user${index}` })
  while (Date.now() < until) {
    await visit().catch((error: unknown) => {
      errors.push(String(error))
      if (errors.length <= 20) console.error(String(error))
    })
  }
})

interface Sample extends Memory {
  /** Seconds since the start. */
  readonly at: number
  readonly tokens: number
}
const samples: Sample[][] = instances.map(() => [])
while (Date.now() < until) {
  await new Promise((resolve) => setTimeout(resolve, (minutes * 60_000) / SAMPLES))
  for (const [index, instance] of instances.entries()) {
    const at = (Date.now() - start) / 1000
    samples[index]!.push({ ...(await instance.memory()), at, tokens: totals['tokens issued'] })
  }
}
await Promise.all(visits)

const connection = new Redis(redis.url)
const records = await connection.dbsize()
connection.disconnect()

const mb = (bytes: number) => Math.round((bytes / 2 ** 20) * 10) / 10
const rows = samples.map((all) => {
  const steady = all.filter(({ at }) => at > minutes * 60 * WARM_UP)
  const [first, last] = [steady[0]!, steady.at(-1)!]
  const heap = growthOf(steady.map(({ at, heapUsed }) => [at, heapUsed]))
  const rss = growthOf(steady.map(({ at, rss }) => [at, rss]))
  const kept = (tokens: number) => Math.min(tokens, TOKENS_KEPT)
  const remembered = (kept(last.tokens) - kept(first.tokens)) * PER_TOKEN
  return {
    'heap after warm-up, MB': mb(first.heapUsed),
    'heap at the end, MB': mb(last.heapUsed),
    'heap trend, MB': mb(heap),
    'of it tokens, MB at most': mb(remembered),
    'RSS after warm-up, MB': mb(first.rss),
    'RSS at the end, MB': mb(last.rss),
    'RSS trend, MB': mb(rss),
    flat: heap <= remembered + SLACK,
  }
})
console.table({ ...totals, errors: errors.length, 'records in Redis': records, minutes })
console.table(rows)

for (const instance of instances) instance.kill()
await Promise.all([redis.stop(), provider.close(), behind.close()])
process.exit(errors.length === 0 && rows.every(({ flat }) => flat) ? 0 : 1)
