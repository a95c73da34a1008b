/**
 * Everything that must be refused, and what must not, against servers that count who connects. Runs by itself on
 * every runtime that has Node's modules:
 *
 *   npx tsx test/outbound/table.ts        bun test/outbound/table.ts
 *   deno run --allow-all --no-remote test/outbound/table.ts
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { isPublic } from '../../adapters/outbound/addresses.ts'
import { createOutbound } from '../../adapters/outbound/create-outbound.ts'
import { createResolve } from '../../adapters/outbound/resolve.ts'
import { fetchJson } from '../../src/http/fetch-json.ts'
import { documentUrlProblem } from '../../src/protocol/document-url.ts'
import { PUBLIC_ADDRESSES, REFUSED_URLS, SPECIAL_ADDRESSES } from './addresses.ts'
import { certify } from './certificate.ts'

/** One rule and the check of it. */
export interface Row {
  readonly rule: string
  check(): Promise<void>
}

const NOT_PUBLIC = /not public/
const local = { loopback: true } as const
const plain = { accept: 'application/json', loopback: false } as const

interface Counting {
  readonly port: number
  connections: number
  readonly paths: string[]
  close(): void
}

async function listen(server: Server, paths: string[]): Promise<Counting> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const counting: Counting = {
    port: (server.address() as AddressInfo).port,
    connections: 0,
    paths,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  server.on('connection', () => {
    counting.connections++
  })
  return counting
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** Answers each path in its own bad way. */
const answer: RequestListener = (request, response) => {
  const path = request.url ?? ''
  if (path === '/good') response.writeHead(200, JSON_TYPE).end('{"good":true}')
  else if (path === '/redirect') response.writeHead(302, { location: '/good' }).end()
  else if (path === '/status') response.writeHead(500, JSON_TYPE).end('{}')
  else if (path === '/partial') response.writeHead(206, JSON_TYPE).end('{}')
  else if (path === '/text') response.writeHead(200, { 'content-type': 'text/html' }).end('{}')
  else if (path === '/bytes') response.writeHead(200, JSON_TYPE).end(Buffer.from([0x22, 0xff, 0x22]))
  else if (path === '/broken') response.writeHead(200, JSON_TYPE).end('{')
  else if (path === '/packed') response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end('{}')
  else if (path === '/large') response.writeHead(200, JSON_TYPE).end(`"${'a'.repeat(6000)}"`)
  else if (path === '/drip' || path === '/endless') {
    response.writeHead(200, JSON_TYPE)
    const text = path === '/drip' ? ' ' : 'a'.repeat(1000)
    const timer = setInterval(() => response.write(text), path === '/drip' ? 200 : 1)
    response.on('close', () => clearInterval(timer))
  }
  // Anything else hangs.
}

/** The rules; a server runs until `close` is called. */
export async function createTable(): Promise<{ rows: readonly Row[]; close(): void }> {
  const paths: string[] = []
  const server = await listen(
    createServer((request, response) => {
      paths.push(request.url ?? '')
      answer(request, response)
    }),
    paths,
  )
  const soon = () => AbortSignal.timeout(3000)
  const localhost = (path: string) => `http://localhost:${server.port}${path}`
  const refuses = async (addresses: readonly string[], url = `https://app.example:${server.port}/good`) => {
    const before = server.connections
    const outbound = createOutbound({ resolve: async () => addresses })
    for (const loopback of [false, true]) {
      await assert.rejects(outbound(url, { ...plain, loopback, signal: soon() }), NOT_PUBLIC)
    }
    assert.equal(server.connections, before, 'nobody was connected to')
  }
  const rejects = (path: string, message: RegExp): Row => ({
    rule: `an answer like ${path} is refused`,
    check: () => assert.rejects(fetchJson(createOutbound(), localhost(path), local), message),
  })

  const rows: Row[] = [
    ...REFUSED_URLS.map((url) => ({
      rule: `${JSON.stringify(url).slice(0, 80)} is no client id`,
      check: async () =>
        assert.notEqual(documentUrlProblem(url, { hosts: undefined, loopback: false }), undefined),
    })),
    ...SPECIAL_ADDRESSES.map((address) => ({
      rule: `a host at ${address || 'no address'} is not connected to`,
      check: () => refuses([address]),
    })),
    ...PUBLIC_ADDRESSES.map((address) => ({
      rule: `${address} is public`,
      check: async () => assert.equal(isPublic(address), true),
    })),
    { rule: 'a host without an address is refused', check: () => refuses([]) },
    {
      rule: 'one bad address among good ones spoils the host',
      async check() {
        await refuses(['1.1.1.1', '127.0.0.1'])
        await refuses(['2606:4700:4700::1111', '::ffff:127.0.0.1'])
      },
    },
    {
      rule: 'the real resolver is asked for real names',
      async check() {
        const before = server.connections
        await assert.rejects(
          createOutbound()(localhost('/good'), { ...plain, signal: soon() }),
          NOT_PUBLIC,
          'localhost is reached only where that is allowed',
        )
        assert.equal(server.connections, before)
      },
    },
    {
      rule: 'a lookup ends when it is told to, not when the name server gives up',
      async check() {
        const silent = await silentNameServer()
        const resolve = createResolve({ servers: [silent.address] })
        const start = Date.now()
        const lookups = Array.from({ length: 100 }, (_, n) =>
          assert.rejects(resolve(`h${n}.attacker.example`, AbortSignal.timeout(300))),
        )
        await Promise.all(lookups)
        assert.ok(Date.now() - start < 1500, `took ${Date.now() - start} ms`)
        silent.close()
      },
    },
    {
      rule: 'the hosts file counts before the name servers',
      async check() {
        const folder = await mkdtemp(join(tmpdir(), 'lockgate-hosts-'))
        const hosts = join(folder, 'hosts')
        await writeFile(
          hosts,
          '10.0.0.1 pinned.example other # pinned\n::1 Pinned.Example\nnonsense pinned.example\n',
        )
        const silent = await silentNameServer()
        const resolve = createResolve({ servers: [silent.address], hosts })
        assert.deepEqual(await resolve('pinned.example', soon()), ['10.0.0.1', '::1'])
        assert.deepEqual(await resolve('192.0.2.1', soon()), ['192.0.2.1'])
        await assert.rejects(resolve('another.example', AbortSignal.timeout(200)))
        silent.close()
        await rm(folder, { recursive: true })
      },
    },
    {
      rule: 'a name is resolved once, and what was looked at is what is connected to',
      async check() {
        const answers = [['127.0.0.1'], ['10.0.0.1']]
        let asked = 0
        const outbound = createOutbound({ resolve: async () => answers[asked++] ?? [] })
        const before = server.connections
        const { value } = await fetchJson(outbound, localhost('/good'), local)
        assert.deepEqual([value, asked, server.connections - before], [{ good: true }, 1, 1])
      },
    },
    {
      rule: 'where one address does not answer, the next one is tried',
      async check() {
        const outbound = createOutbound({ resolve: async () => ['127.0.0.2', '127.0.0.1'] })
        assert.deepEqual((await fetchJson(outbound, localhost('/good'), local)).value, { good: true })
      },
    },
    {
      rule: 'a redirect is not followed',
      async check() {
        paths.length = 0
        await assert.rejects(fetchJson(createOutbound(), localhost('/redirect'), local), /answered 302/)
        assert.deepEqual(paths, ['/redirect'])
      },
    },
    rejects('/status', /answered 500/),
    rejects('/partial', /answered 206/),
    rejects('/text', /not JSON/),
    rejects('/broken', /malformed/),
    rejects('/bytes', /./),
    rejects('/packed', /answered 502/),
    rejects('/large', /over 5120 bytes/),
    rejects('/endless', /over 5120 bytes/),
    {
      rule: 'headers that do not come, a body that drips and a name that hangs end in five seconds',
      async check() {
        const start = Date.now()
        const silent = await silentNameServer()
        const never = createOutbound({ resolve: createResolve({ servers: [silent.address] }) })
        await Promise.all([
          assert.rejects(fetchJson(createOutbound(), localhost('/hang'), local)),
          assert.rejects(fetchJson(createOutbound(), localhost('/drip'), local)),
          assert.rejects(fetchJson(never, 'https://app.example/good', { loopback: false })),
        ])
        silent.close()
        assert.ok(Date.now() - start < 6500, `took ${Date.now() - start} ms`)
      },
    },
  ]
  const secure = await secureRows()
  return {
    rows: [...rows, ...secure.rows],
    close: () => {
      server.close()
      secure.close()
    },
  }
}

/** Starts a name server that hears every question and never responds. */
export async function silentNameServer(): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() }
}

/** Connecting to an address must not loosen what the name has to prove. */
async function secureRows(): Promise<{ rows: Row[]; close(): void }> {
  const [right, wrong] = [certify('localhost'), certify('other.example')]
  if (!right || !wrong) {
    console.warn('The checks of certificates are left out: openssl is missing')
    return { rows: [], close: () => {} }
  }
  const [good, bad] = await Promise.all(
    [right, wrong].map((pair) => listen(createSecureServer(pair, answer) as unknown as Server, [])),
  )
  const url = (server: Counting | undefined) => `https://localhost:${server?.port}/good`
  return {
    close: () => {
      good?.close()
      bad?.close()
    },
    rows: [
      {
        rule: 'the certificate has to be that of the name',
        async check() {
          const outbound = createOutbound({ ca: right.cert + wrong.cert })
          assert.deepEqual((await fetchJson(outbound, url(good), local)).value, { good: true })
          await assert.rejects(fetchJson(outbound, url(bad), local))
        },
      },
      {
        rule: 'a certificate nobody vouches for is refused',
        check: () => assert.rejects(fetchJson(createOutbound(), url(good), local)),
      },
    ],
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { rows, close } = await createTable()
  let failed = 0
  for (const { rule, check } of rows) {
    try {
      await check()
    } catch (error) {
      failed++
      console.error(`FAIL  ${rule}\n      ${error instanceof Error ? error.message : error}`)
    }
  }
  console.log(`${rows.length - failed}/${rows.length} rules hold`)
  close()
  process.exit(failed === 0 && rows.length > 100 ? 0 : 1)
}
