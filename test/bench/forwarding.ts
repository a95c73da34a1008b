import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, start } from '../runtime/child.ts'
import { startWorkerd } from '../runtime/workers.ts'
import { locate } from '../runtimes/locate.ts'
import { freePort } from '../support/free-port.ts'
import { load, percentile, requestBytes } from './load.ts'
import { median } from './measure.ts'
import { sendBy } from './over-http.ts'
import { cpuOf } from './process-cpu.ts'
import { lockgate } from './subjects/lockgate.ts'
import { upstream } from './subjects/subject.ts'

/** Connections that send at the same time. */
const CONNECTIONS = 32

const bodyOf = (text: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text } },
  })

const BODY = bodyOf('hello')
const KILOBYTE = bodyOf('a text '.repeat(133))

/** A program under load, beside the one that it is compared with. */
interface Contender {
  readonly name: string
  readonly binary: string | undefined
  readonly program: string
  /** Whether requests go on to another server, instead of being answered in the process. */
  readonly forwards: boolean
  readonly against?: string
  /** Variables of the program, in addition to the usual ones. */
  readonly env?: Readonly<Record<string, string>>
  /** The body of each request. Default: {@link BODY}. */
  readonly body?: string
}

/** The names of the programs that show the cost of rules for tools. */
export const RULES = {
  none: 'Node: lockgate, 1 KB',
  beside: 'Node: lockgate, 1 KB, rules elsewhere',
  here: 'Node: lockgate, 1 KB, rules for tools',
} as const

const node = process.env.BENCH_NODE ?? process.execPath
const [bun, deno, workerd] = [locate('bun'), locate('deno'), locate('workerd')]

const CONTENDERS: readonly Contender[] = [
  { name: 'Node: bare proxy', binary: node, program: 'bare-node', forwards: true },
  { name: 'Node: lockgate', binary: node, program: 'lockgate', forwards: true, against: 'Node: bare proxy' },
  ...[
    { name: RULES.none },
    { name: RULES.beside, against: RULES.none, env: { RULES: 'elsewhere' } },
    { name: RULES.here, against: RULES.none, env: { RULES: 'here' } },
  ].map((one) => ({ ...one, binary: node, program: 'lockgate', forwards: true, body: KILOBYTE })),
  { name: 'Node: bare server', binary: node, program: 'bare-handler', forwards: false },
  {
    name: 'Node: lockgate, handler',
    binary: node,
    program: 'lockgate',
    forwards: false,
    against: 'Node: bare server',
  },
  { name: 'Bun: bare proxy', binary: bun, program: 'bare-bun', forwards: true },
  { name: 'Bun: lockgate', binary: bun, program: 'lockgate', forwards: true, against: 'Bun: bare proxy' },
  { name: 'Deno: bare proxy', binary: deno, program: 'bare-deno', forwards: true },
  { name: 'Deno: lockgate', binary: deno, program: 'lockgate', forwards: true, against: 'Deno: bare proxy' },
]

/** CPU microseconds of the process per request, and its latency in milliseconds: medians over the rounds. */
export interface Forwarding {
  readonly name: string
  readonly micros: number
  readonly p50: number
  readonly p99: number
  /** How many times the CPU and the p99 of the program that it is compared with: medians of the ratios of each round. */
  readonly ratio?: { readonly micros: number; readonly p99: number }
  /** The CPU microseconds that are added to those of that program: the median of the differences of each round. */
  readonly added?: number
}

const programs = fileURLToPath(new URL('./programs/', import.meta.url))

const commandOf = (binary: string, program: string): string[] => {
  const file = `${programs}${program}.js`
  return binary === deno ? [binary, 'run', '--allow-all', '--no-remote', file] : [binary, file]
}

/** The provider behind every sign-in: its token and its userinfo endpoint. */
async function startProvider(): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const answer = await upstream(`http://localhost${request.url}`)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, server }
}

/** What is measured, started and signed in. */
interface Started extends Contender {
  readonly child: Child
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  /** The request that is repeated. */
  readonly bytes: Buffer
}

/** Starts the MCP server and a provider. @returns A function that starts programs in front of them. */
export async function startField() {
  const { url: providerUrl, server } = await startProvider()
  const mcpPort = await freePort()
  const mcpUrl = `http://127.0.0.1:${mcpPort}/mcp`
  const children: Child[] = []
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-bench-'))
  // Without the last one, Bun lets 256 open streams through and no more.
  const env = {
    NODE_ENV: 'production',
    PROVIDER_URL: providerUrl,
    BUN_CONFIG_MAX_HTTP_REQUESTS: '20000',
  }
  const run = async (binary: string, program: string, more: Record<string, string>, path: string) => {
    const url = `http://127.0.0.1:${more.PORT}${path}`
    const all = { ...env, ...more }
    const child =
      binary === workerd
        ? await startWorkerd({
            ...{ binary, url, folder, env: all, port: Number(more.PORT) },
            entry: `${programs}${program}-worker.js`,
          })
        : await start(commandOf(binary, program), { url, cwd: programs, env: all })
    children.push(child)
    return child
  }
  const behind = await run(node, 'behind', { PORT: String(mcpPort) }, '/')
  return {
    mcpUrl,
    behind,
    async start(contender: Contender & { readonly binary: string }): Promise<Started> {
      const { binary, program, forwards, env = {}, body = BODY } = contender
      const port = await freePort()
      const more = { PORT: String(port), ...(forwards && { MCP_URL: mcpUrl }), ...env }
      const child = await run(binary, program, more, program === 'lockgate' ? '/health' : '/mcp')
      const headers: Record<string, string> = {
        host: `localhost:${port}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'user-agent': 'bench/1.0',
        'mcp-protocol-version': '2025-11-25',
        authorization: `Bearer ${'x'.repeat(311)}`,
      }
      if (program === 'lockgate') headers.authorization = `Bearer ${await accessToken(port)}`
      return { ...contender, child, port, headers, bytes: requestBytes('POST', '/mcp', headers, body) }
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
      await rm(folder, { recursive: true, force: true })
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Signs in over HTTP. */
async function accessToken(port: number): Promise<string> {
  const agent = new Agent({ keepAlive: true })
  const subject = await lockgate(`http://localhost:${port}`)
  const send = sendBy(agent)
  const session = await subject.signIn!(send, await subject.register!(send))
  agent.destroy()
  return session.accessToken
}

/**
 * Puts every program under the same load in turn, in rounds, so that whatever slows the machine slows all of them.
 *
 * @param only Names to measure: those that contain one of the words.
 */
export async function measureForwarding(
  rounds: number,
  requests: number,
  only: readonly string[] = [],
): Promise<Forwarding[]> {
  const field = await startField()
  try {
    const started: Started[] = []
    for (const contender of CONTENDERS) {
      const { binary, name } = contender
      if (only.length > 0 && !only.some((word) => name.includes(word))) continue
      if (binary === undefined) console.error(`left out, since the runtime is missing: ${name}`)
      else started.push(await field.start({ ...contender, binary }))
    }
    for (const { port, bytes } of started) {
      await load({ port, bytes, connections: CONNECTIONS, requests: requests * 2 })
    }
    const samples = new Map(
      started.map(({ name }) => [name, [] as [cpu: number, p50: number, p99: number][]]),
    )
    for (let round = 0; round < rounds; round++) {
      for (const { name, child, port, bytes } of started) {
        const before = cpuOf(child.pid!)
        const times = await load({ port, bytes, connections: CONNECTIONS, requests })
        const micros = (cpuOf(child.pid!) - before) / requests
        samples.get(name)!.push([micros, percentile(times, 0.5), percentile(times, 0.99)])
      }
    }
    return started.map(({ name, against }) => {
      const own = samples.get(name)!
      const at = (index: 0 | 1 | 2) => median(own.map((sample) => sample[index]))
      const base = against === undefined ? undefined : samples.get(against)
      const over = (index: 0 | 2) => median(own.map((sample, round) => sample[index] / base![round]![index]))
      return {
        name,
        micros: at(0),
        p50: at(1),
        p99: at(2),
        ...(base && {
          ratio: { micros: over(0), p99: over(2) },
          added: median(own.map(([micros], round) => micros - base[round]![0])),
        }),
      }
    })
  } finally {
    await field.stop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rounds = '7', requests = '5000', ...only] = process.argv.slice(2)
  console.table(
    (await measureForwarding(Number(rounds), Number(requests), only)).map(({ ratio, added, ...row }) => ({
      ...row,
      added: added?.toFixed(1),
      'cpu ×': ratio?.micros.toFixed(2),
      'p99 ×': ratio?.p99.toFixed(2),
    })),
  )
}
