import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { load, requestBytes } from './load.ts'

const KEY = 'a key of this test, long enough to be one'
const HASH = createHash('sha256').update(KEY).digest('hex')

/** Requests between two looks. */
const REQUESTS = 6000

const behind = createServer((request, response) => request.resume().on('end', () => response.end('{}')))
const children: { kill(): void }[] = []

afterAll(() => {
  for (const child of children) child.kill()
  behind.close()
})

test.each(['a server behind', 'a handler'])(
  'requests to %s leave nothing in the old generation',
  async (kind) => {
    if (!behind.listening) await once(behind.listen(0, '127.0.0.1'), 'listening')
    const port = await freePort()
    const { port: inner } = behind.address() as AddressInfo
    const child = fork(new URL('./programs/lockgate.js', import.meta.url), {
      execArgv: ['--trace-gc', '--min-semi-space-size=4', '--max-semi-space-size=4'],
      env: {
        ...process.env,
        PORT: String(port),
        PROVIDER_URL: 'http://127.0.0.1:9',
        ...(kind === 'a handler' ? {} : { MCP_URL: `http://127.0.0.1:${inner}/` }),
        API_KEY_HASH: HASH,
      },
      silent: true,
    })
    children.push(child)
    let output = ''
    child.stdout!.on('data', (chunk) => {
      output += chunk
    })
    const status = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(status, { timeout: 10_000 }).toBe(200)
    const bytes = requestBytes(
      'POST',
      '/mcp',
      { host: `localhost:${port}`, 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    )
    await load({ port, bytes, connections: 32, requests: REQUESTS })
    output = ''
    await load({ port, bytes, connections: 32, requests: REQUESTS })
    // Megabytes after each collection of the young generation.
    const sizes = [...output.matchAll(/Scavenge [\d.]+ \([\d.]+\) -> ([\d.]+)/g)].map(([, size]) =>
      Number(size),
    )
    expect(sizes.length).toBeGreaterThan(5)
    const grown = sizes.slice(1).map((size, index) => Math.max(0, size - sizes[index]!))
    // Of the four megabytes that each collection looks through.
    expect(grown.reduce((sum, one) => sum + one, 0) / (sizes.length - 1)).toBeLessThan(0.35)
  },
)
