import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { ProxyEvent } from 'lockgate'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createDocumentEgress, hostsToTry } from '../../adapters/cli/serve/document-egress.ts'
import { createOutbound } from '../../adapters/outbound/create-outbound.ts'
import { reasons } from '../../src/reasons/reasons.ts'
import { ms, scaleTiming } from '../../src/timing.ts'
import { freePort } from '../support/free-port.ts'
import { type StartedSystem, startSystem } from '../support/system.ts'
import { certify } from './certificate.ts'

const PUBLIC = { url: 'https://mcp.example.com' }

/** The company's proxy: the only way out, open or closed. It leads every name to this machine. */
let gateway: Server
let publisher: Server
let isOpen = true
/** Requests that arrived, and tunnels that were refused. */
let attempts = 0
const sockets = new Set<Socket>()
const certificate = certify('client.example.org')
const portOf = (server: Server) => (server.address() as AddressInfo).port
const listening = (server: Server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))

beforeAll(async () => {
  publisher = createTlsServer({ key: certificate!.key, cert: certificate!.cert }, (_request, response) => {
    attempts++
    response.writeHead(404).end()
  }) as Server
  gateway = createServer()
  gateway.on('connect', (_request, socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (!isOpen) {
      attempts++
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const target = connect(portOf(publisher), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.pipe(socket).pipe(target)
    })
    sockets.add(target)
    target.on('error', () => {})
  })
  await Promise.all([gateway, publisher].map(listening))
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  gateway.close()
  publisher.close()
})

let system: StartedSystem
beforeEach(async () => {
  isOpen = true
  attempts = 0
  system = await startSystem(PUBLIC)
})
afterEach(async () => {
  scaleTiming(1)
  await system.close()
})

const outbound = () =>
  createOutbound({
    ca: certificate!.cert,
    proxies: { httpProxy: undefined, httpsProxy: `http://127.0.0.1:${portOf(gateway)}`, noProxy: '' },
  })

function watch(hosts: readonly string[] = ['client.example.org']) {
  const lines: string[] = []
  const egress = createDocumentEgress({ hosts, outbound: outbound(), say: (line) => lines.push(line) })
  return { ...egress, lines }
}

async function announced(): Promise<boolean> {
  const response = await system.call('/.well-known/oauth-authorization-server')
  expect(response.status).toBe(200)
  const body = (await response.json()) as Record<string, unknown>
  expect(body.registration_endpoint).toBe(`${system.url}/register`)
  return body.client_id_metadata_document_supported === true
}

const warnings = () => system.events.filter(({ reason }) => reason === 'no-way-to-documents')
const failed = { type: 'refused', reason: 'client-metadata-unavailable' } as ProxyEvent

test('where a host responds, in any way, documents stay announced and nothing is said', async () => {
  const { start, lines } = watch()
  await start(system.proxy)
  expect(attempts).toBe(1)
  expect(await announced()).toBe(true)
  expect([lines, warnings()]).toEqual([[], []])
})

test('one host that responds is enough', async () => {
  await watch(['other.example.org', 'client.example.org']).start(system.proxy)
  expect(await announced()).toBe(true)
})

test('without a way out documents are no longer announced, and an event says how to set it', async () => {
  isOpen = false
  await watch().start(system.proxy)
  expect(await announced()).toBe(false)
  expect(warnings()).toEqual([expect.objectContaining({ type: 'failed', detail: 'client.example.org' })])
  expect(reasons['no-way-to-documents'].join(' ')).toContain('LOCKGATE_CLIENT_DOCUMENTS_ACCEPT')
})

test('with a proxy that does not listen, it is the same', async () => {
  const closed = await freePort()
  const egress = createDocumentEgress({
    hosts: ['client.example.org'],
    outbound: createOutbound({
      proxies: { httpProxy: undefined, httpsProxy: `http://127.0.0.1:${closed}`, noProxy: '' },
    }),
    say: () => {},
  })
  await egress.start(system.proxy)
  expect(await announced()).toBe(false)
})

test('a name that leads inside is no way out', async () => {
  const inside = createOutbound({ proxies: undefined, resolve: async () => ['10.0.0.1'] })
  await createDocumentEgress({ hosts: ['client.example.org'], outbound: inside, say: () => {} }).start(
    system.proxy,
  )
  expect(await announced()).toBe(false)
})

test('they are announced again once the way is open, without a restart', async () => {
  Object.assign(ms, { egressCheck: 50 })
  isOpen = false
  const { start, lines } = watch()
  await start(system.proxy)
  expect(await announced()).toBe(false)
  isOpen = true
  await vi.waitFor(async () => expect(await announced()).toBe(true), { timeout: 5000 })
  expect(lines).toEqual([expect.stringContaining('again')])
  expect(warnings()).toHaveLength(1)
})

test('a way that closes later is noticed by a document that cannot be fetched, and looked at once in a minute', async () => {
  const { start, listener } = watch()
  await start(system.proxy)
  isOpen = false
  for (const socket of sockets) socket.destroy()
  await listener(failed)
  expect(attempts, 'not so soon').toBe(1)
  Object.assign(ms, { egressCheck: 1 })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await listener({ type: 'refused', reason: 'unknown-client' } as ProxyEvent)
  expect(attempts, 'for another reason').toBe(1)
  await listener(failed)
  Object.assign(ms, { egressCheck: 60_000 })
  for (let round = 0; round < 5; round++) await listener(failed)
  await vi.waitFor(async () => expect(await announced()).toBe(false), { timeout: 5000 })
  expect(attempts, 'the first look, and one more').toBe(2)
  expect(warnings()).toHaveLength(1)
})

test('one document that is away, while others are not, changes nothing', async () => {
  const { start, listener } = watch()
  await start(system.proxy)
  Object.assign(ms, { egressCheck: 1 })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await listener(failed)
  await vi.waitFor(() => expect(attempts).toBe(2), { timeout: 5000 })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await announced()).toBe(true)
})

test.each([
  ['in public, the hosts of widely used documents are tried', { url: 'https://a.example' }, 3],
  ['on this machine alone none', { url: 'http://localhost:1' }, 0],
  ['none if the operator accepts documents in any case', { ...PUBLIC, clientDocuments: { accept: true } }, 0],
  ['none if documents are off', { ...PUBLIC, clientDocuments: { accept: false } }, 0],
  ['only the permitted hosts', { ...PUBLIC, clientDocuments: { hosts: ['a.example', '*.b.example'] } }, 1],
  ['none if only patterns are permitted', { ...PUBLIC, clientDocuments: { hosts: ['*.b.example'] } }, 0],
])('%s', (_, options, count) => {
  expect(hostsToTry(options)).toHaveLength(count)
})

test('with no host to try, nothing is fetched', async () => {
  const { start, listener } = watch([])
  await start(system.proxy)
  await listener(failed)
  expect(attempts).toBe(0)
  expect(await announced()).toBe(true)
})
