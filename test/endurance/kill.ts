/**
 * Kills instances (-9) at random moments while clients sign in and refresh against one Redis, and counts what of all
 * that was acknowledged is lost, and what is left half-written. Both must be nothing.
 *
 *   npm run test:kill -- [--sign-ins 500] [--instances 3] [--workers 8] [--every 600]
 *
 * Needs the build and a `redis-server` or REDIS_URL.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { signInAtProvider, startProvider } from '../support/provider.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { challengeOf, newVerifier, type Tokens } from '../support/system.ts'

const { values } = parseArgs({
  options: {
    'sign-ins': { type: 'string', default: '500' },
    instances: { type: 'string', default: '3' },
    workers: { type: 'string', default: '8' },
    /** Milliseconds between two kills, on average. */
    every: { type: 'string', default: '600' },
  },
})
const [signIns, count, workers, every] = [
  values['sign-ins'],
  values.instances,
  values.workers,
  values.every,
].map(Number) as [number, number, number, number]

const issuer = `http://localhost:${await freePort()}`
const REDIRECT = 'http://127.0.0.1:5555/callback'
if (noRedis) {
  console.error(`Nothing to kill against: needs ${noRedis}.`)
  process.exit(1)
}
const redis = await startRedis()
const provider = await startProvider({ redirectUris: [`${issuer}/callback`] })
const behind = createServer((_request, response) => response.end('{}'))
await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
const { port: behindPort } = behind.address() as { port: number }

interface Instance {
  readonly port: number
  child: ChildProcess
}

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

function boot(port: number): ChildProcess {
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    LOCKGATE_URL: issuer,
    LOCKGATE_SECRET: 'one secret that all the instances share with each other',
    LOCKGATE_STORAGE: redis.url,
    LOCKGATE_UPSTREAM: 'oidc',
    LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
    LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
    LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
    LOCKGATE_MCP: `http://127.0.0.1:${behindPort}/mcp`,
    // All from one address, as fast as they can.
    LOCKGATE_LIMITS_ADDRESS: '1000000',
  }
  return spawn(process.execPath, [cli, 'serve'], { env, stdio: 'ignore' })
}

const instances: Instance[] = []
for (let index = 0; index < count; index++) {
  const port = await freePort()
  instances.push({ port, child: boot(port) })
}

let kills = 0
let running = true
async function killAtRandom(): Promise<void> {
  while (running) {
    await pause(Math.random() * 2 * every)
    const victim = instances[Math.floor(Math.random() * instances.length)]!
    victim.child.kill('SIGKILL')
    kills++
    victim.child = boot(victim.port)
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Sends a request to some instance, as a load balancer would; fails where that one has just been killed. */
function reach(request: Request): Promise<Response> {
  const url = new URL(request.url)
  if (url.origin !== issuer) return fetch(request)
  url.port = String(instances[Math.floor(Math.random() * instances.length)]!.port)
  return fetch(new Request(url, request))
}

/** Sends a request again until an instance responds, as a client does whose connection broke. */
async function insist(make: () => Request): Promise<Response> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await reach(make()).catch(() => undefined)
    if (response && response.status < 500) return response
    await pause(50)
  }
  throw new Error('no instance responded for ten seconds')
}

const post = (path: string, params: Record<string, string>) => () =>
  new Request(issuer + path, { method: 'POST', body: new URLSearchParams(params) })

const totals = { acknowledged: 0, refreshed: 0, restarted: 0, lost: 0 }
const alive: { clientId: string; tokens: Tokens }[] = []

async function signIn(clientId: string, login: string): Promise<Tokens | undefined> {
  const verifier = newVerifier()
  const browser = new Browser({ fetch: reach })
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
  })
  try {
    const consent = asPage(await browser.open(`${issuer}/authorize?${query}`))
    const page = asPage(await browser.submit(consent, { decision: 'allow' }))
    const answer = asUrl(await signInAtProvider(browser, page, { stopAt: REDIRECT, login }))
    const code = answer.searchParams.get('code')
    if (!code) return undefined
    const params = { grant_type: 'authorization_code', client_id: clientId, code, code_verifier: verifier }
    const response = await reach(post('/token', params)())
    return response.status === 200 ? ((await response.json()) as Tokens) : undefined
  } catch {
    return undefined
  }
}

async function work(index: number): Promise<void> {
  const metadata = {
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  }
  const registration = await insist(
    () =>
      new Request(`${issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(metadata),
      }),
  )
  const { client_id: clientId } = (await registration.json()) as { client_id: string }
  while (totals.acknowledged < signIns) {
    let tokens = await signIn(clientId, `user${index}`)
    if (!tokens) {
      totals.restarted++
      await pause(50)
      continue
    }
    totals.acknowledged++
    // From here on the client holds tokens. No kill may make them invalid.
    for (let round = 0; round < 3 && tokens; round++) {
      const params = { grant_type: 'refresh_token', client_id: clientId, refresh_token: tokens.refresh_token }
      const response = await insist(post('/token', params))
      if (response.status === 200) {
        tokens = (await response.json()) as Tokens
        totals.refreshed++
      } else {
        totals.lost++
        console.error('lost at refresh:', response.status, await response.text())
        tokens = undefined
      }
    }
    if (tokens) alive.push({ clientId, tokens })
  }
}

const started = Date.now()
const killing = killAtRandom()
await Promise.all(Array.from({ length: workers }, (_, index) => work(index)))
running = false
await killing

for (const { tokens } of alive) {
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  const response = await insist(() => new Request(`${issuer}/mcp`, { headers }))
  if (response.status !== 200) {
    totals.lost++
    console.error('lost at the guard:', response.status)
  }
  await response.body?.cancel()
}

/** Every record must be whole: an envelope around a grant with all its parts. */
const connection = new Redis(redis.url)
let records = 0
let halfWritten = 0
for await (const keys of connection.scanStream({ count: 1000 })) {
  for (const key of keys as string[]) {
    // Beside the records there are indexes, which name them.
    if ((await connection.type(key)) !== 'string') continue
    const stored = (await connection.get(key)) ?? ''
    if (!stored.includes('"generation"')) continue
    records++
    const whole = ['format', 'client', 'resource', 'scope', 'code', 'identity', 'upstream', 'epoch'].every(
      (part) => stored.includes(`"${part}"`),
    )
    if (!whole) halfWritten++
  }
}

console.table({
  'sign-ins acknowledged': totals.acknowledged,
  'refreshes acknowledged': totals.refreshed,
  'instances killed': kills,
  'sign-ins begun anew': totals.restarted,
  'records in Redis': records,
  'grants lost': totals.lost,
  'records half-written': halfWritten,
  seconds: Math.round((Date.now() - started) / 1000),
})
for (const { child } of instances) child.kill('SIGKILL')
connection.disconnect()
await Promise.all([redis.stop(), provider.close()])
process.exit(totals.lost === 0 && halfWritten === 0 && records >= alive.length ? 0 : 1)
