import { build, type Metafile } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'

/** A Worker as a user writes it, for each store there is on Workers. */
const entry = (store: string, name: string) => `
import { github } from 'lockgate/providers/github'
import { ${name} } from 'lockgate/storage/${store}'
import { fromEnv } from 'lockgate/workers'
export { LockgateStore } from 'lockgate/workers'
export default fromEnv((env) => ({
  url: 'https://mcp.example.com', secret: env.SECRET, mcp: 'https://inner.example.com/mcp',
  upstream: github({ clientId: 'id', clientSecret: env.GITHUB }), storage: ${name}(env.STORE),
}))`

describe.each([
  ['durable-object', 'durableObject'],
  ['cloudflare-kv', 'cloudflareKv'],
])('a Worker with %s', (store, name) => {
  let code: string
  let inputs: string[]
  beforeAll(async () => {
    const result = await build({
      stdin: { contents: entry(store, name), resolveDir: new URL('../..', import.meta.url).pathname },
      bundle: true,
      write: false,
      minify: true,
      metafile: true,
      format: 'esm',
      target: 'es2022',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['workerd', 'worker', 'import'],
      external: ['cloudflare:*'],
    })
    code = result.outputFiles[0]!.text
    inputs = Object.keys((result.metafile as Metafile).inputs)
  })

  test('contains nothing of other runtimes', () => {
    for (const foreign of [/["']node:/, /\bDeno\b/, /\bBun\b/, /\brequire\(/])
      expect(code).not.toMatch(foreign)
  })

  test('contains no store it does not use, and no server', () => {
    const drivers = inputs.filter((file) => file.includes('unstorage/drivers/') && !file.includes('/utils/'))
    expect(drivers.map((file) => file.split('/').at(-1))).toEqual(
      store === 'cloudflare-kv' ? ['cloudflare-kv-binding.mjs'] : [],
    )
    const packages = /node_modules\/((?:@[^/]+\/)?[^/]+)/
    const used = new Set(inputs.flatMap((file) => packages.exec(file)?.[1] ?? []))
    for (const unused of ['ioredis', 'db0', 'pg', 'undici', 'srvx', 'citty', 'jiti', '@deno/kv']) {
      expect(used).not.toContain(unused)
    }
    expect([...used].sort()).toEqual(
      expect.arrayContaining(['itty-router', 'jose', 'oauth4webapi', 'valibot']),
    )
  })
})
