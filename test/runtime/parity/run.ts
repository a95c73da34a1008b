/**
 * Sends the same bytes to the packed package on every runtime, and prints what each makes of them. No column may differ
 * from the expected one except where the table says so with a reason.
 *
 *   npm run test:parity [-- Deno … word …] [--package x.tgz]
 */
import { type AddressInfo, createServer } from 'node:net'
import { parseArgs } from 'node:util'
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import '../../support/scratch.ts'
import { locate } from '../../runtimes/locate.ts'
import { freePort } from '../../support/free-port.ts'
import { type Child, start } from '../child.ts'
import { install } from '../installation.ts'
import { startWorkerd } from '../workers.ts'
import { exceptions } from './exceptions.ts'
import { exchange, type RawResponse } from './raw-client.ts'
import { OK, type RawServer, startRawServer } from './raw-server.ts'
import { type Case, type Runtime, requests } from './requests.ts'
import { type AnswerCase, answers } from './responses.ts'
import { unzstd } from './zstd.ts'

interface Column {
  readonly runtime: Runtime
  readonly port: number
  readonly behind: RawServer
  readonly child: Child
  token: string
}

const binaries: Readonly<Record<Runtime, string | undefined>> = {
  'Node 20': process.execPath,
  'Node 24': locate('node24'),
  'Node 20, fetch': process.execPath,
  Bun: locate('bun'),
  Deno: locate('deno'),
  workerd: locate('workerd'),
}
const DENO = ['run', '--allow-all', '--no-remote']
const COMMANDS: Readonly<Record<Exclude<Runtime, 'workerd'>, readonly string[]>> = {
  'Node 20': ['parity-node.js'],
  'Node 24': ['parity-node.js'],
  'Node 20, fetch': ['parity-fetch.js'],
  Bun: ['run', 'parity-bun.js'],
  Deno: [...DENO, 'parity-deno.js'],
}

/** Words of the command line: `Bun` chooses a runtime, every other word is a part of the names of cases. */
const isRuntime = (word: string): word is Runtime => Object.hasOwn(binaries, word)
const { values, positionals: given } = parseArgs({
  allowPositionals: true,
  options: { package: { type: 'string' } },
})
const runtimes = given.filter(isRuntime)
const words = given.filter((word) => !isRuntime(word))
const chosen = runtimes.length > 0 ? runtimes : (Object.keys(binaries) as Runtime[])
const installation = await install({
  tarball: values.package,
  files: [new URL('../entries/', import.meta.url)],
})

async function startColumn(runtime: Runtime): Promise<Column> {
  const binary = binaries[runtime]
  if (binary === undefined) throw new Error(`the binary of ${runtime} is missing`)
  const [port, behind] = [await freePort(), await startRawServer()]
  const url = `http://localhost:${port}`
  const proxies = Object.fromEntries(
    ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'].map((name) => [name, proxyUrl]),
  )
  const env = { TEST_URL: url, PORT: String(port), BEHIND_URL: behind.url, ...proxies }
  const place = { folder: installation.folder, port, env, url: `${url}/health` }
  const child =
    runtime === 'workerd'
      ? await startWorkerd({ ...place, entry: 'parity-workers.js', binary })
      : await start([binary, ...COMMANDS[runtime]], { url: place.url, cwd: place.folder, env })
  const column: Column = { runtime, port, behind, child, token: '' }
  const response = await fetch(`${url}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('robot:the+secret+of+a+robot')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'use' }),
  })
  if (response.status !== 200) throw new Error(`${runtime}: /token answered ${await response.text()}`)
  column.token = ((await response.json()) as { access_token: string }).access_token
  return column
}

const statusOf = ({ statuses }: RawResponse): string => String(statuses.at(-1) ?? 'closed')
const errorOf = ({ body }: RawResponse): string => /"error":"(\w+)"/.exec(body.toString())?.[1] ?? ''

async function judgeRequest(column: Column, { bytes, fields = [], expected }: Case): Promise<string> {
  column.behind.take()
  column.behind.answer = OK
  column.behind.after = undefined
  const text = bytes.replaceAll('PORT', String(column.port)).replaceAll('TOKEN', column.token)
  const response = await exchange(column.port, Buffer.from(text, 'latin1'), text.startsWith('HEAD '))
  const [reached, ...others] = column.behind.take()
  if (others.length > 0) return `${others.length + 1} requests reached the MCP server`
  const status = statusOf(response)
  // Each HTTP stack refuses malformed framing in its own words. All that counts is that nothing gets through.
  if (expected === 'refused')
    return !reached && !/^2/.test(status) ? 'refused' : `${status} → ${reached?.line}`
  if (!reached) return [status, errorOf(response)].filter(Boolean).join(' ')
  const values = fields.map((name) => {
    const all = reached.fields.filter(([one]) => one === name).map(([, value]) => value)
    return `${name}=${all.join('; ')}`
  })
  const body = expected.endsWith(' body') && reached.body.includes('"ping"') ? ['body'] : []
  return [`${status} → ${reached.line}`, ...values, ...body].join(' ')
}

async function judgeAnswer(
  column: Column,
  { bytes, after, method = 'POST', fields = [], counts = false, expected }: AnswerCase,
): Promise<string> {
  column.behind.take()
  column.behind.answer = Buffer.from(
    bytes.toString('latin1').replaceAll('BEHIND', column.behind.url),
    'latin1',
  )
  column.behind.after = after
  const body = method === 'POST' ? 'Content-Length: 2\r\n\r\n{}' : '\r\n'
  const request = `${method} /mcp HTTP/1.1\r\nHost: localhost:${column.port}\r\nAuthorization: Bearer ${column.token}\r\n${body}`
  const response = await exchange(column.port, Buffer.from(request), method === 'HEAD')
  const error = errorOf(response)
  const status = statusOf(response)
  // A refusal, or no response at all, also tells the client that there is no whole one.
  if (expected === 'cut' && (status === '502' || status === 'closed')) return 'cut'
  if (error) return `${status} ${error}`
  const valuesOf = (name: string) => response.fields.filter(([one]) => one === name).map(([, value]) => value)
  const coding = valuesOf('content-encoding').join(', ')
  const length = response.fields.some(([name]) => /^(content-length|transfer-encoding)$/.test(name))
  if (status === '200' && length && !response.complete) return 'cut'
  if (status === '200' && !length && response.body.length === 0 && method !== 'HEAD') return 'cut'
  const values = fields.map((name) => `${name}=${counts ? valuesOf(name).length : valuesOf(name).join('; ')}`)
  const last = after && column.behind.take().at(-1)
  const reached = last ? [`→ ${last.line} ${last.body}`] : []
  const outcome = [status, unpack(response.body, coding), ...values, ...reached].filter(Boolean).join(' ')
  return outcome.replaceAll(`:${column.port}`, ':PORT')
}

/** The body as a client reads it that believes the headers. */
function unpack(body: Buffer, codings: string): string {
  if (body.length === 0) return ''
  try {
    return codings
      .split(',')
      .reduceRight((packed, coding) => DECODERS[coding.trim().toLowerCase()]?.(packed) ?? packed, body)
      .toString()
  } catch {
    return 'unreadable'
  }
}

const DECODERS: Readonly<Record<string, (packed: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  br: brotliDecompressSync,
  deflate: (packed) => ((packed[0]! & 15) === 8 ? inflateSync(packed) : inflateRawSync(packed)),
  zstd: unzstd,
}

/** A proxy of the environment, which must get no request to an MCP server. */
const proxied: string[] = []
const environmentProxy = createServer((socket) => {
  socket.on('error', () => {})
  socket.once('data', (chunk) => {
    proxied.push(chunk.toString('latin1').split('\r\n', 1)[0]!)
    socket.destroy()
  })
})
await new Promise<void>((resolve) => environmentProxy.listen(0, '127.0.0.1', resolve))
const proxyUrl = `http://127.0.0.1:${(environmentProxy.address() as AddressInfo).port}`

const columns = await Promise.all(chosen.map(startColumn))
let wrong = 0
let right = 0
let explained = 0

function print(name: string, expected: string, outcomes: readonly string[]): void {
  const except = exceptions[name] ?? {}
  const cells = columns.map(({ runtime }, index) => {
    const [allowed, reason] = except[runtime] ?? [expected, undefined]
    const outcome = outcomes[index]!
    if (outcome !== allowed) wrong++
    else if (reason) explained++
    else right++
    return outcome !== allowed
      ? `✗ ${runtime}: ${outcome}`
      : reason
        ? `~ ${runtime}: ${outcome} (${reason})`
        : undefined
  })
  const odd = cells.filter((cell) => cell !== undefined)
  console.log(
    `${odd.some((cell) => cell.startsWith('✗')) ? 'FAIL' : 'ok  '}  ${name}: ${JSON.stringify(expected)}`,
  )
  for (const cell of odd) console.log(`        ${cell}`)
}

const matches = ({ name }: { readonly name: string }) => words.every((word) => name.includes(word))
for (const one of requests.filter(matches)) {
  const outcomes = await Promise.all(columns.map((column) => judgeRequest(column, one)))
  print(one.name, one.expected, outcomes)
}
for (const one of answers.filter(matches)) {
  const outcomes = await Promise.all(columns.map((column) => judgeAnswer(column, one)))
  print(one.name, one.expected, outcomes)
}
await Promise.all(columns.map(({ child, behind }) => Promise.all([child.stop(), behind.close()])))
await installation.remove()
environmentProxy.close()
// A runtime may look for its own updates that way.
const leaked = proxied.filter((line) => /127\.0\.0\.1|localhost|mcp/.test(line))
console.log(`${leaked.length === 0 ? 'ok  ' : 'FAIL'}  environment: its proxy got ${JSON.stringify(proxied)}`)
if (leaked.length > 0) wrong++
else right++
const all = [...requests, ...answers]
const names = new Set(all.map(({ name }) => name))
if (names.size < all.length) throw new Error('two cases have one name')
for (const name of Object.keys(exceptions)) {
  if (names.has(name)) continue
  console.log(`FAIL  there is no case “${name}” to except`)
  wrong++
}
const runtimeNames = columns.map(({ runtime }) => runtime).join(' | ')
console.log(`\n${names.size} cases on ${runtimeNames}`)
console.log(`${right} as expected, ${explained} excepted with a reason, ${wrong} unexplained`)
console.log(`${right + explained} passed, ${wrong} failed`)
process.exit(wrong === 0 && right > 0 ? 0 : 1)
