/**
 * Attacks the built package, one threat of SECURITY.md after the other, over real HTTP on every runtime, and prints
 * threat × runtime × result.
 *
 *   npm run test:security                on every runtime there is
 *   npm run test:security -- T23 workerd  one threat, on the runtimes whose name contains the word
 */
import { parseArgs } from 'node:util'
import '../support/scratch.ts'
import { type Host, hosts } from '../runtime/hosts.ts'
import { install } from '../runtime/installation.ts'
import { startStreamServer } from '../runtime/stream-server.ts'
import { startDocumentServer } from '../support/document-server.ts'
import { startExchangeProvider } from '../support/exchange-provider.ts'
import { freePort } from '../support/free-port.ts'
import { newKey } from './key.ts'
import { REDIRECT, type Target } from './target.ts'
import { attacks, LAST, UNSEEN } from './threats.ts'

const { positionals } = parseArgs({ allowPositionals: true })
const isThreat = (word: string) => /^T\d+$/.test(word)
const threats = positionals.filter(isThreat)
const words = positionals.filter((word) => !isThreat(word)).map((word) => word.toLowerCase())

/** One of each runtime: what is attacked here is the same with every store. */
const chosen = hosts.filter(
  ({ runtime, store }) =>
    store === 'memory' &&
    runtime !== 'Node 24' &&
    (words.length === 0 || words.some((word) => runtime.toLowerCase().includes(word))),
)
const installation = await install({ files: [new URL('./entries/', import.meta.url)] })

interface Outcome {
  readonly host: Host
  /** What failed, by attack; `undefined` where everything was left out. */
  readonly failed: ReadonlyMap<string, unknown> | undefined
  readonly note?: string
}

async function attack(host: Host): Promise<Outcome> {
  if (host.missing) return { host, failed: undefined, note: `${host.missing} is missing` }
  const port = await freePort()
  const url = `http://localhost:${port}/gate`
  const [provider, documents, behind, key] = await Promise.all([
    startExchangeProvider({
      redirectUris: [url, url.replace('http:', 'https:')].flatMap((one) => [
        `${one}/callback`,
        `${one}/callback/oidc`,
      ]),
    }),
    startDocumentServer(),
    startStreamServer(),
    newKey(),
  ])
  const env = {
    TEST_URL: url,
    PORT: String(port),
    PROVIDER_ISSUER: provider.issuer,
    PROVIDER_CLIENT_ID: provider.clientId,
    PROVIDER_CLIENT_SECRET: provider.clientSecret,
    BEHIND_URL: behind.url,
    REDIRECT,
    CLIENT_JWKS: JSON.stringify(key.jwks),
  }
  const place = { folder: installation.folder, port, url: `${url}/health`, env, redis: undefined }
  const failed = new Map<string, unknown>()
  try {
    const child = await host.start(place)
    const target: Target = { url, provider, documents, key }
    for (const [threat, name, run] of attacks) {
      if (threats.length > 0 && !threats.includes(threat)) continue
      await run(target).catch((error: unknown) => failed.set(name, error))
    }
    const output = child.output()
    await child.stop()
    if (failed.size > 0 && output) console.log(`${host.runtime} wrote: ${output.slice(-2000)}`)
    return { host, failed }
  } catch (error) {
    return { host, failed: new Map([['it starts', error]]), note: 'did not start' }
  } finally {
    await Promise.all([provider.close(), documents.close(), behind.close()])
  }
}

// Two at once keep a small machine busy; one attack after the other, so that each sees only its own traces.
const waiting = [...chosen]
const outcomes: Outcome[] = []
const worker = async () => {
  for (let host = waiting.shift(); host; host = waiting.shift()) outcomes.push(await attack(host))
}
await Promise.all([worker(), worker()])
outcomes.sort((a, b) => chosen.indexOf(a.host) - chosen.indexOf(b.host))
await installation.remove()

for (const { host, failed } of outcomes)
  for (const [name, error] of failed ?? []) console.log(`✗ ${host.runtime}: ${name}\n  ${explain(error)}\n`)

const column = (host: Host) => host.runtime.replace(/,.*/, '').padEnd(14)
console.log(`threat  ${outcomes.map(({ host }) => column(host)).join('')}`)
let passed = 0
let wrong = 0
for (let n = 1; n <= LAST; n++) {
  const threat = `T${n}`
  if (threats.length > 0 && !threats.includes(threat)) continue
  const names = attacks.filter(([of]) => of === threat).map(([, name]) => name)
  const unseen = UNSEEN[threat]
  if (names.length === 0 && unseen === undefined) throw new Error(`nothing attacks ${threat}`)
  const cells = outcomes.map(({ failed, note }) => {
    if (unseen !== undefined) return '–'
    if (!failed || failed.has('it starts')) return note ?? '–'
    const lost = names.filter((name) => failed.has(name)).length
    if (lost > 0) wrong++
    else passed++
    return lost > 0 ? `FAIL ${names.length - lost}/${names.length}` : `ok ${names.length}/${names.length}`
  })
  console.log(
    `${threat.padEnd(6)}  ${cells.map((cell) => cell.padEnd(14)).join('')}${unseen ? `  ${unseen}` : ''}`,
  )
}
const broken = outcomes.some(({ failed }) => failed?.has('it starts'))
console.log(`\n${passed} passed, ${wrong} failed`)
process.exit(wrong === 0 && !broken && outcomes.length > 0 ? 0 : 1)

function explain(error: unknown): string {
  return error instanceof Error ? [error.message, error.cause].filter(Boolean).join(' ← ') : String(error)
}
