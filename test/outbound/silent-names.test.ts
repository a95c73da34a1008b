import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy } from 'lockgate'
import { fetch as nodeFetch, serve } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { Agent, fetch as request } from 'undici'
import { expect, test, vi } from 'vitest'
import type { Outbound } from '../../src/ports.ts'
import { silentNameServer } from './table.ts'

/** The name servers of the process under test. */
const servers = vi.hoisted((): string[] => [])

vi.mock('#outbound', () => {
  // Loaded on first use: these modules load the one that is replaced.
  const made = async () => {
    const { createOutbound } = await import('../../adapters/outbound/create-outbound.ts')
    const { createResolve } = await import('../../adapters/outbound/resolve.ts')
    return createOutbound({ resolve: createResolve({ servers }) })
  }
  let outbound: ReturnType<typeof made> | undefined
  return {
    // Node's own, as the module that is replaced has it.
    direct: (...about: Parameters<typeof fetch>) => fetch(...about),
    directProblem: () => undefined,
    providerFetch: undefined,
    keepAlive: () => {},
    proxyProblems: [],
    outbound: async (...about: Parameters<Outbound>) => {
      outbound ??= made()
      return (await outbound)(...about)
    },
  }
})

const DOCUMENTS = 1000
/** Milliseconds between two of them. */
const PACE = 8
const key = randomBytes(32).toString('base64url')

/** A name server that knows no name, and says so at once. */
async function promptNameServer(): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const answer = Buffer.from(query)
    // A response with NXDOMAIN (RFC 1035 §4.1.1).
    answer.writeUInt16BE(0x8183, 2)
    socket.send(answer, port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() }
}

const percentile = (times: readonly number[], share: number) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length * share)]!

// Other work on the machine can only add to the time. So one quiet run of three is enough.
test('T63: a thousand documents at a silent name server delay no MCP request', {
  timeout: 90_000,
  retry: 2,
}, async () => {
  const silent = await silentNameServer()
  const prompt = await promptNameServer()
  const behind = createServer((_request, response) => response.end('{}'))
  await new Promise<void>((resolve) => behind.listen(0, 'localhost', resolve))
  const port = 18_000 + Math.floor(Math.random() * 2000)
  const url = `http://localhost:${port}`
  const proxy = createProxy({
    url,
    secret: randomBytes(32).toString('base64url'),
    storage: memory(),
    upstream: oidc({ issuer: 'https://idp.example', clientId: 'id', clientSecret: 'secret' }),
    // A host name: forwarding looks it up too.
    mcp: `http://localhost:${(behind.address() as AddressInfo).port}/mcp`,
    apiKeys: [{ name: 'probe', keyHash: createHash('sha256').update(key).digest('hex'), scopes: ['mcp'] }],
    clientDocuments: {},
    limits: false,
    // As many addresses as documents, so that few are refused before a look-up.
    clientAddress: (request) => request.headers.get('x-test-address') ?? undefined,
    on: { event: () => {} },
    fetch: nodeFetch,
  })
  const server = await serve(proxy, { port, hostname: 'localhost' })
  const agent = new Agent({ connections: 300 })
  const ask = async () => {
    const began = performance.now()
    const response = await request(`${url}/mcp`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: `Bearer ${key}` },
    })
    await response.text()
    expect(response.status).toBe(200)
    return performance.now() - began
  }
  /** Sends the documents, and returns the times of MCP requests meanwhile. */
  async function attack(
    name: string,
  ): Promise<{ p50: number; p99: number; count: number; statuses: string }> {
    let open = DOCUMENTS
    const statuses = new Map<number, number>()
    const sent = Array.from({ length: DOCUMENTS }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * PACE))
      const params = new URLSearchParams({
        response_type: 'code',
        client_id: `https://${name}${n}.attacker.example/c.json`,
        redirect_uri: 'http://127.0.0.1:5555/callback',
        code_challenge: 'c'.repeat(43),
        code_challenge_method: 'S256',
      })
      const headers = { 'x-test-address': `203.0.${n >> 8}.${n & 255}` }
      const response = await request(`${url}/authorize?${params}`, { dispatcher: agent, headers })
      await response.text()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      open--
    })
    const times: number[] = []
    do times.push(await ask())
    while (open > 0)
    await Promise.all(sent)
    expect(statuses.get(200), 'no such document exists').toBeUndefined()
    return {
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      count: times.length,
      statuses: [...statuses].map(([status, count]) => `${count} × ${status}`).join(', '),
    }
  }
  const show = ({ p50, p99, count, statuses }: Awaited<ReturnType<typeof attack>>) =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${count} MCP requests; answers ${statuses}`
  try {
    for (let n = 0; n < 200; n++) await ask()
    // The same work with a name server that responds at once, so that only the silence makes a difference.
    servers.splice(0, 1, prompt.address)
    const calm = await attack('prompt')
    servers.splice(0, 1, silent.address)
    const held = await attack('silent')
    console.log(`${DOCUMENTS} documents at a silent name server: ${show(held)}`)
    console.log(`${DOCUMENTS} documents at one that responds: ${show(calm)}`)
    expect(held.count).toBeGreaterThan(100)
    expect(held.p99 - calm.p99).toBeLessThan(50)
  } finally {
    await agent.destroy()
    await server.close(true)
    behind.closeAllConnections()
    behind.close()
    silent.close()
    prompt.close()
  }
})
