import { isLoopbackUrl as isLoopback } from '../../../src/internal.ts'
import { MCP_CLIENTS, serverName } from '../configuration/mcp-clients.ts'
import type { Answers } from './answers.ts'
import { CONSOLES } from './consoles.ts'
import { inCode, portOf, type Variable } from './variables.ts'

const START = {
  node: 'npx lockgate serve',
  environment: 'npx lockgate serve',
  bun: 'bun run server.ts',
  deno: 'deno run --env-file --allow-net --allow-env --allow-read --allow-write --unstable-kv server.ts',
  workers: 'npx wrangler dev',
} as const

/** The packages of a storage that come with nothing else. */
function needsOf(storage: string): string {
  if (/^rediss?:/.test(storage)) return 'ioredis@5'
  if (/^postgres(ql)?:/.test(storage)) return 'db0 pg'
  return storage.startsWith('sqlite:') ? 'db0' : ''
}

/** What is left to do, in order. */
export function nextSteps(
  answers: Answers,
  about: {
    written: readonly string[]
    variables: readonly Variable[]
    secrets: string
    anyone: boolean
    unmet?: readonly string[]
  },
): string {
  const { definition, provider, url, runtime, client } = answers
  const console = CONSOLES[provider]
  const address = url + new URL(answers.mcp).pathname.replace(/\/+$/, '')
  const { title, steps, ...rest } = MCP_CLIENTS[client]
  const empty = about.variables.filter(({ value }) => value === '').map(({ name }) => name)
  const packages = [inCode(answers) && 'lockgate', needsOf(answers.storage)].filter(Boolean)
  const all: [string, readonly string[]][] = [
    ...(packages.length > 0
      ? [['Install:', [`npm install ${packages.join(' ')}`]] as [string, string[]]]
      : []),
    [
      `Register an application at ${definition.name}, of the kind "web", with this callback URL:`,
      [
        `${url}/callback`,
        ...(console === undefined ? [] : [`Register it at:    ${console}`]),
        `Its documentation: ${definition.docs}`,
      ],
    ],
  ]
  if (empty.length > 0) all.push([`Fill in ${about.secrets}:`, empty])
  if (about.unmet && about.unmet.length > 0) all.push(['Correct who may sign in:', about.unmet])
  if (about.anyone && inCode(answers)) {
    const example = `allow: ['@example.com'] in ${about.written[0]}`
    all.push([
      `Say who may sign in. Otherwise everyone with an account at ${definition.name} may:`,
      [example],
    ])
  }
  const start = runtime === 'workers' ? `npx wrangler dev --port ${portOf(url)}` : START[runtime]
  // A Worker that knows itself by a public address cannot be used at a local one.
  if (runtime !== 'workers' || isLoopback(url)) all.push(['Start it:', [start]])
  if (runtime !== 'workers' && !isLoopback(url)) {
    const hops = ['node', 'environment'].includes(runtime)
      ? 'LOCKGATE_TRUST_PROXY=1'
      : `trustProxy: 1 in ${about.written[0]}`
    all.push([
      'Put a reverse proxy with TLS in front, and set the number of proxies that append to X-Forwarded-For:',
      [`${url} → http://127.0.0.1:8787`, hops],
    ])
  }
  if (runtime === 'workers') {
    const put = about.variables.map(({ name }) => `npx wrangler secret put ${name}`)
    all.push(['Deploy it:', [...put, 'npx wrangler deploy']])
  }
  all.push([`Connect ${title}:`, steps(serverName(undefined), address)])
  if ('hosted' in rest && isLoopback(url)) {
    all.at(-1)![0] += ' (it cannot reach this machine: use a tunnel or a public URL)'
  }
  const list = all.map(
    ([what, lines], index) => `${index + 1}. ${what}\n${lines.map((line) => `     ${line}\n`).join('')}`,
  )
  return `Wrote ${about.written.join(', ')}.\n\n${list.join('\n')}`
}
