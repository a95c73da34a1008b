import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { clientAddress } from 'lockgate/workers'
import { Miniflare, Response as WorkerResponse } from 'miniflare'
import { expect, test } from 'vitest'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const KEY = 'a-key-of-a-machine-that-is-long-enough'

/** A Worker with one API key, in front of an MCP server that records how it is asked. */
async function startWorker(compatibilityDate: string) {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { fromEnv } from './adapters/workers.ts'
        import { memory } from './adapters/storage/memory.ts'
        import { github } from './src/providers/github.ts'
        const fetch = globalThis.fetch
        // What the platform is asked for.
        globalThis.fetch = (url, init) => {
          const headers = new Headers(init.headers)
          headers.set('x-asked', JSON.stringify({ cache: init.cache, cf: init.cf }))
          return fetch(url, { ...init, headers })
        }
        export default fromEnv(() => ({
          url: 'https://mcp.example',
          secret: 'a secret of the tests, long enough to be one',
          storage: memory(),
          allow: ['octocat@example.com'],
          upstream: github({ clientId: 'id', clientSecret: 'secret' }),
          mcp: 'https://behind.example/mcp',
          scopes: { use: 'Use it' },
          apiKeys: [{ name: 'machine', keyHash: '${createHash('sha256').update(KEY).digest('hex')}', scopes: ['use'] }],
        }))`,
      resolveDir: file('.'),
      loader: 'ts',
    },
    alias: { '#outbound': file('adapters/outbound/workers.ts') },
    external: ['cloudflare:*'],
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['workerd'],
  })
  const asked: string[] = []
  const worker = new Miniflare({
    modules: true,
    compatibilityDate,
    script: outputFiles[0]!.text,
    outboundService: async (request: Request) => {
      asked.push(request.headers.get('x-asked') ?? '')
      return new WorkerResponse('behind', { headers: { 'cache-control': 'public, max-age=600' } })
    },
  })
  return { worker, asked }
}

test.each([
  ['2026-04-01', '{"cache":"no-store"}'],
  ['2024-06-01', '{"cf":{"cacheTtl":-1}}'],
])('a Worker of %s asks the MCP server past the cache', async (date, init) => {
  const { worker, asked } = await startWorker(date)
  const response = await worker.dispatchFetch('https://mcp.example/mcp', {
    headers: { authorization: `Bearer ${KEY}` },
  })
  expect([response.status, await response.text()]).toEqual([200, 'behind'])
  expect(asked).toEqual([init])
  await worker.dispose()
})

test('the header of Cloudflare is believed on Cloudflare only', () => {
  const headers = { 'cf-connecting-ip': '192.0.2.1' }
  const forged = new Request('https://mcp.example/', { headers })
  expect(clientAddress(forged)).toBeUndefined()
  const real = Object.assign(new Request('https://mcp.example/', { headers }), { cf: { colo: 'AMS' } })
  expect(clientAddress(real)).toBe('192.0.2.1')
  const without = Object.assign(new Request('https://mcp.example/'), { cf: { colo: 'AMS' } })
  expect(clientAddress(without)).toBeUndefined()
})

test.each([
  { colo: 'AMS', asn: 1, country: 'NL', httpProtocol: 'HTTP/2', tlsVersion: 'TLSv1.3', tlsCipher: 'x' },
  { asn: 1 },
  { country: 'NL' },
  { httpProtocol: 'HTTP/1.1' },
  { tlsVersion: '' },
])('one member of Cloudflare is enough to believe its header: %j', (cf) => {
  const headers = { 'cf-connecting-ip': '192.0.2.1' }
  expect(clientAddress(Object.assign(new Request('https://mcp.example/', { headers }), { cf }))).toBe(
    '192.0.2.1',
  )
})

test.each([
  [{ clientIp: '127.0.0.1:59362' }, '127.0.0.1'],
  [{ clientIp: '[2001:db8::1]:59362' }, '2001:db8::1'],
  [{ clientIp: '[::ffff:192.0.2.9]:59362' }, '192.0.2.9'],
  [{ clientIp: 'unix:/run/socket' }, undefined],
  [{ clientIp: '' }, undefined],
  [{ clientIp: '127.0.0.1:59362', colo: 'AMS' }, '127.0.0.1'],
  [{}, undefined],
  [{ custom: 'x' }, undefined],
])('without Cloudflare the header is not read, and the connection counts: %j', (cf, expected) => {
  const headers = { 'cf-connecting-ip': '6.6.6.6', 'cf-ray': '8a1b2c3d4e5f6071-FRA' }
  expect(clientAddress(Object.assign(new Request('https://mcp.example/', { headers }), { cf }))).toBe(
    expected,
  )
})
