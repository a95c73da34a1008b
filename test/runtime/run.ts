/**
 * Runs one suite over real HTTP against the packed package on every runtime, and prints what held.
 *
 *   npm run test:runtimes                       on every runtime there is
 *   npm run test:runtimes -- Deno               on those whose name contains the word
 *   npm run test:runtimes -- --package x.tgz    with a package that is packed already
 */
import { parseArgs } from 'node:util'
import '../support/scratch.ts'
import { startAssertionIssuer } from '../support/assertion-issuer.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider } from '../support/provider.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { type Host, hosts } from './hosts.ts'
import { install } from './installation.ts'
import { startStreamServer } from './stream-server.ts'
import { runSuite } from './suite.ts'

/** As many hosts run at once as keep a small machine busy. */
const AT_ONCE = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { package: { type: 'string' } },
})
const chosen = hosts.filter(({ runtime, store }) =>
  positionals.every((word) => `${runtime} ${store}`.toLowerCase().includes(word.toLowerCase())),
)

const places = await Promise.all(chosen.map(async (host) => ({ host, port: await freePort() })))
const urlOf = (port: number) => `http://localhost:${port}/gate`
const [installation, provider, mcp, behind, issuer, redis] = await Promise.all([
  install({
    tarball: values.package,
    with: ['ioredis@5', 'db0@0.4'],
    files: [new URL('./entries/', import.meta.url)],
  }),
  startProvider({ redirectUris: places.map(({ port }) => `${urlOf(port)}/callback`) }),
  startMcpServer(),
  startStreamServer(),
  startAssertionIssuer(),
  noRedis ? undefined : startRedis(),
])

interface Row {
  readonly host: Host
  readonly result: string
  readonly verdict: 'ok' | 'FAIL' | 'none'
  readonly details: string
}

async function examine(host: Host, port: number): Promise<Row> {
  const missing = host.missing ?? (host.store === 'redis' ? noRedis : undefined)
  if (missing) return { host, result: `left out: ${missing} is missing`, verdict: 'none', details: '' }
  const url = urlOf(port)
  const env = {
    TEST_URL: url,
    PORT: String(port),
    PROVIDER_ISSUER: provider.issuer,
    PROVIDER_CLIENT_ID: provider.clientId,
    PROVIDER_CLIENT_SECRET: provider.clientSecret,
    MCP_URL: mcp.url,
    STREAM_URL: behind.url,
    ASSERTION_ISSUER: issuer.issuer,
    ...(host.store === 'cloudflare-kv' && { ASSERTION_REPLAY: 'allow' }),
  }
  const place = { folder: installation.folder, port, url: `${url}/health`, env, redis: redis?.url }
  try {
    const child = await host.start(place)
    const cannot = Object.entries(host.cannot ?? {})
    const { failed, count } = await runSuite(
      { url, behind, issuer },
      cannot.map(([check]) => check),
    )
    await child.stop()
    const told = failed.map(({ check, error }) => `  ✗ ${check}\n    ${explain(error)}`)
    told.push(...cannot.map(([check, reason]) => `  - left out: ${check}\n    ${reason}`))
    if (failed.length > 0) told.push(`  it wrote: ${child.output().slice(-3000) || 'nothing'}`)
    const left = cannot.length > 0 ? `, ${cannot.length} left out` : ''
    const result = `${count - failed.length}/${count}${left}`
    return { host, result, verdict: failed.length === 0 ? 'ok' : 'FAIL', details: told.join('\n') }
  } catch (error) {
    return { host, result: 'did not start', verdict: 'FAIL', details: `    ${explain(error)}` }
  }
}

const explain = (error: unknown): string =>
  error instanceof Error ? [error.message, error.cause].filter(Boolean).join(' ← ') : String(error)

const rows: Row[] = []
const waiting = [...places]
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      rows.push(await examine(next.host, next.port))
  }),
)

for (const { host, details } of rows)
  if (details) console.log(`${host.runtime}, ${host.store}:\n${details}\n`)
const sorted = chosen.flatMap((host) => rows.filter((row) => row.host === host))
for (const { host, result, verdict } of sorted) {
  console.log(`${verdict.padEnd(4)}  ${host.runtime.padEnd(22)} ${host.store.padEnd(16)} ${result}`)
}
await Promise.all([installation.remove(), provider.close(), mcp.close(), behind.close(), redis?.stop()])
process.exit(rows.length > 0 && rows.every(({ verdict }) => verdict !== 'FAIL') ? 0 : 1)
