/**
 * Signs in, refreshes and calls through the packed package on workerd, and cancels a third of all requests at random
 * moments: by a reset of the connection, and by a Worker in front that gives up. Every other request must be answered in
 * time, no grant may be lost, and a second after the last cancellation nothing may be unavailable.
 *
 *   npm run test:cancellation [-- --operations 200 --seed 1 --package x.tgz]
 */

import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import '../../support/scratch.ts'
import { locate } from '../../runtimes/locate.ts'
import { Browser } from '../../support/browser.ts'
import { freePort } from '../../support/free-port.ts'
import { startProvider } from '../../support/provider.ts'
import {
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  type TestClient,
} from '../../support/system.ts'
import { install } from '../installation.ts'
import { startWorkerd } from '../workers.ts'

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '200' },
    seed: { type: 'string' },
    package: { type: 'string' },
  },
})
const OPERATIONS = Number(values.operations)
const SEED = Number(values.seed ?? Date.now() % 100_000)
/** Clients that work at the same time. */
const CLIENTS = 16
/** Milliseconds in which every request must be answered: the longest that a request waits for a refresh, and some. */
const DEADLINE = 10_000
/** The longest time after which a request is cancelled, in milliseconds. */
const LATEST = 300
/** Milliseconds after which the lease of a refresh is over in any case, by every clock. */
const LEASE = 27_000

/** Mulberry32: the same choices for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
const random = randomOf(SEED)

class Cancelled extends Error {}

interface Sent {
  readonly what: string
  readonly status: number
  readonly took: number
  /** Milliseconds of the program. */
  readonly at: number
}

const binary = locate('workerd')
if (binary === undefined) throw new Error('the binary of workerd is missing')
const [port, frontPort] = [await freePort(), await freePort()]
const url = `http://localhost:${port}`
const mcp = createServer((request, response) => {
  request.resume()
  const known = /^Bearer \S+$/.test(request.headers.authorization ?? '')
  setTimeout(
    () => response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' }).end('{}'),
    Math.random() * 30,
  )
})
await new Promise<void>((resolve) => mcp.listen(0, '127.0.0.1', resolve))
const mcpUrl = `http://127.0.0.1:${(mcp.address() as AddressInfo).port}/mcp`
const provider = await startProvider({
  redirectUris: [`${url}/callback`],
  // Every call and every refresh finds a token that is about to expire.
  accessTokenTtl: 62,
  configuration: { rotateRefreshToken: () => true },
  // Many requests are cancelled after the provider replaced a token, and before the response has come.
  slow: { '/token': 80 },
})
const installation = await install({
  tarball: values.package,
  files: [new URL('../entries/', import.meta.url)],
})
const worker = await startWorkerd({
  binary,
  folder: installation.folder,
  entry: 'workers-cancelled.js',
  port,
  url: `${url}/health`,
  objects: 'LOCKGATE',
  front: { entry: 'workers-front.js', port: frontPort },
  env: {
    TEST_URL: url,
    MCP_URL: mcpUrl,
    PROVIDER_ISSUER: provider.issuer,
    PROVIDER_CLIENT_ID: provider.clientId,
    PROVIDER_CLIENT_SECRET: provider.clientSecret,
  },
})

const answered: Sent[] = []
const faults: string[] = []
const cancelled = { reset: 0, abort: 0 }
let lastCancelled = 0
let cancels = true

/** Sends a request to the Worker, and may cancel it. @throws {Cancelled} */
async function send(request: Request): Promise<Response> {
  const target = new URL(request.url)
  if (target.origin !== url) return fetch(request)
  const cancel = cancels && random() < 0.55 ? (random() < 0.5 ? 'reset' : 'abort') : undefined
  const after = Math.floor(random() ** 2 * LATEST)
  const headers = Object.fromEntries(request.headers)
  if (cancel === 'abort') headers['x-abort-after'] = String(after)
  const body = Buffer.from(await request.arrayBuffer())
  const what = `${request.method} ${target.pathname}`
  const began = performance.now()
  const response = await new Promise<Response>((resolve, reject) => {
    const sent = httpRequest(
      {
        host: '127.0.0.1',
        port: cancel === 'reset' ? port : frontPort,
        path: target.pathname + target.search,
        method: request.method,
        headers: { ...headers, host: target.host, ...(body.length > 0 && { 'content-length': body.length }) },
        agent: false,
      },
      (message) => {
        const chunks: Buffer[] = []
        message.on('data', (chunk: Buffer) => chunks.push(chunk))
        message.on('error', reject)
        message.on('end', () => {
          clearTimeout(timer)
          clearTimeout(late)
          const { statusCode: status = 0, rawHeaders } = message
          const pairs = rawHeaders.flatMap((name, at): [string, string][] =>
            at % 2 === 0 ? [[name, rawHeaders[at + 1]!]] : [],
          )
          const empty = status === 204 || status === 304
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers: pairs }))
        })
      },
    )
    const timer =
      cancel === 'reset'
        ? setTimeout(() => {
            clearTimeout(late)
            cancelled.reset++
            lastCancelled = performance.now()
            reject(new Cancelled())
            sent.socket?.resetAndDestroy()
            sent.destroy()
          }, after)
        : undefined
    const late = setTimeout(() => {
      faults.push(`${what}: no answer within ${DEADLINE / 1000} s`)
      reject(new Cancelled())
      sent.destroy()
    }, DEADLINE)
    sent.on('error', (error) => {
      clearTimeout(timer)
      clearTimeout(late)
      reject(error)
    })
    sent.end(body)
  })
  if (response.status === 499) {
    cancelled.abort++
    lastCancelled = performance.now()
    throw new Cancelled()
  }
  const now = performance.now()
  answered.push({ what, status: response.status, took: now - began, at: now })
  if (response.status >= 500)
    faults.push(`${what}: ${response.status} ${(await response.clone().text()).slice(0, 200)}`)
  return response
}

const call: System['call'] = (path, init) => send(new Request(path.startsWith('/') ? url + path : path, init))
const reach: Pick<System, 'url' | 'mcp' | 'call' | 'post' | 'browser'> = {
  url,
  mcp: `${url}/mcp`,
  call,
  post: (path, params, headers) =>
    call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
  browser: () => new Browser({ fetch: send }),
}
const system = reach as System

/** Repeats what a client or a person does again if it was cut. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error
    }
  }
}

interface Held {
  readonly client: TestClient
  access: string
  refresh: string
}

const operations = { 'sign-in': 0, refresh: 0, call: 0 }

async function signInAnew(login: string): Promise<Held> {
  const client = await patiently(() => register(system))
  // A sign-in that was cut begins anew: its code may have been sent, and is not sent twice.
  return patiently(async () => {
    const done = await signIn(system, client, { login })
    const code = done.answer.searchParams.get('code')
    if (!code) throw new Error(`${login} came back with ${done.answer.search}`)
    const response = await system.post('/token', redeemParams(client, done))
    if (response.status !== 200)
      throw new Error(`/token answered ${response.status} ${await response.text()}`)
    const tokens = (await response.json()) as { access_token: string; refresh_token: string }
    return { client, access: tokens.access_token, refresh: tokens.refresh_token }
  })
}

async function refresh(held: Held): Promise<void> {
  const response = await patiently(() => system.post('/token', refreshParams(held.client, held.refresh)))
  if (response.status !== 200)
    throw new Error(`a grant was lost: ${response.status} ${await response.text()}`)
  const tokens = (await response.json()) as { access_token: string; refresh_token: string }
  held.access = tokens.access_token
  held.refresh = tokens.refresh_token
}

async function callServer(held: Held): Promise<void> {
  const response = await patiently(() =>
    system.call('/mcp', { method: 'POST', body: '{}', headers: { authorization: `Bearer ${held.access}` } }),
  )
  if (response.status !== 200) throw new Error(`a call got ${response.status} ${await response.text()}`)
}

let left = OPERATIONS
const began = performance.now()
const clients = await Promise.all(
  Array.from({ length: CLIENTS }, async (_, index): Promise<Held | undefined> => {
    let held: Held | undefined
    while (left-- > 0) {
      const choice = random()
      const kind = held === undefined || choice < 0.3 ? 'sign-in' : choice < 0.65 ? 'refresh' : 'call'
      operations[kind]++
      try {
        if (held === undefined || kind === 'sign-in') held = await signInAnew(`person-${index}`)
        else if (kind === 'refresh') await refresh(held)
        // Several calls at once share one refresh, whichever of them is cancelled.
        else await Promise.all([held, held, held].map(callServer))
      } catch (error) {
        faults.push(`client ${index}, ${kind}: ${(error as Error).message}`)
        held = undefined
      }
    }
    return held
  }),
)
const cutFor = performance.now() - began
cancels = false
await sleep(Math.max(0, lastCancelled + 1000 - performance.now()))
const settled = performance.now()

let kept = 0
await Promise.all(
  clients.map(async (held, index) => {
    try {
      if (held) {
        await refresh(held)
        await callServer(held)
        kept++
      }
      const next = await signInAnew(`person-${index}`)
      await callServer(next)
    } catch (error) {
      faults.push(`client ${index}, afterwards: ${(error as Error).message}`)
    }
  }),
)

// A refresh that was cut kept its lease. Once that is over, a token that the provider replaced and that was not written shows.
await sleep(Math.max(0, lastCancelled + LEASE - performance.now()))
let whole = 0
await Promise.all(
  clients.map(async (held, index) => {
    try {
      if (!held) return
      await refresh(held)
      await callServer(held)
      whole++
    } catch (error) {
      faults.push(`client ${index}, after the leases: ${(error as Error).message}`)
    }
  }),
)

const during = answered.filter(({ at }) => at < settled)
const after = answered.filter(({ at }) => at >= settled)
const slowest = (list: readonly Sent[]) => Math.round(Math.max(0, ...list.map(({ took }) => took)))
const cut = cancelled.reset + cancelled.abort
console.log(
  `seed ${SEED}, ${OPERATIONS} operations in ${Math.round(cutFor / 1000)} s: ${JSON.stringify(operations)}`,
)
console.log(
  `${cut + during.length} requests, ${cut} of them cancelled (${Math.round((100 * cut) / (cut + during.length))} %): ${cancelled.reset} by a reset, ${cancelled.abort} by the Worker in front`,
)
console.log(`${during.length} answered, the slowest after ${slowest(during)} ms`)
console.log(
  `a second after the last cancellation: ${after.length} answered, the slowest after ${slowest(after)} ms, ${after.filter(({ status }) => status >= 500).length} with 5xx`,
)
console.log(
  `of ${clients.filter(Boolean).length} grants, ${kept} refresh then, and ${whole} when every lease is over; ${provider.requests.filter((one) => one === 'POST /token').length} requests for tokens at the provider`,
)
for (const fault of faults) console.log(`✗ ${fault}`)
if (faults.length > 0) console.log(worker.output().slice(-4000))
await Promise.all([worker.stop(), provider.close(), new Promise((resolve) => mcp.close(resolve))])
await installation.remove()
console.log(`${faults.length === 0 ? 1 : 0} passed, ${faults.length} failed`)
process.exit(faults.length === 0 && cut > 0 ? 0 : 1)
