import { type Answers, inputsOf } from './answers.ts'
import { rulesOf } from './rules.ts'
import { isSecret, portOf, type Variable } from './variables.ts'

/** One file that `init` writes. */
export interface File {
  readonly path: string
  readonly text: string
}

/** What the runtime starts, or what `serve` reads. Texts of the user stand in it as JSON only. */
export function entryOf(answers: Answers, variables: readonly Variable[]): File[] {
  switch (answers.runtime) {
    case 'environment':
      return []
    case 'node':
      return [{ path: 'lockgate.config.ts', text: configFile(answers) }]
    case 'workers':
      return [
        { path: 'worker.ts', text: workerFile(answers, variables) },
        { path: 'wrangler.jsonc', text: WRANGLER },
      ]
    default:
      return [{ path: 'server.ts', text: serverFile(answers) }]
  }
}

const configFile = ({ url, mcp }: Answers): string => `import type { ProxyOptions } from 'lockgate'

/** What \`npx lockgate serve\` runs. What does not stand here comes from .env and the environment. */
export default {
  url: ${text(url)},
  mcp: ${text(mcp)},
  scopes: { mcp: 'Use the tools of this server' },
} satisfies Partial<ProxyOptions>
`

function serverFile(answers: Answers): string {
  const { runtime, url } = answers
  const [factory, module, call] = storeOf(answers.storage)
  const start =
    runtime === 'bun'
      ? 'bun run server.ts'
      : 'deno run --env-file --allow-net --allow-env --allow-read --allow-write --unstable-kv server.ts'
  return `/** ${start} */
import { createProxy } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/${runtime}'
${providerImport(answers)}
import { ${factory} } from 'lockgate/storage/${module}'

const { env } = process

const proxy = createProxy({
  url: ${text(url)},
  secret: env.LOCKGATE_SECRET!.split(','),
  upstream: ${upstream(answers, '  ')},
  storage: ${call},
  mcp: ${text(answers.mcp)},${allowLine(answers, '  ')}
})

stopOnSignals(serve(proxy, { port: Number(env.PORT ?? ${portOf(url)}), hostname: env.HOST ?? '127.0.0.1' }))
`
}

function workerFile(answers: Answers, variables: readonly Variable[]): string {
  return `${providerImport(answers)}
import { durableObject, type ObjectNamespace } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'

export { LockgateStore } from 'lockgate/workers'

interface Env {
  LOCKGATE: ObjectNamespace
${variables.map(({ name }) => `  ${name}: string`).join('\n')}
}

export default fromEnv<Env>((env) => ({
  url: ${text(answers.url)},
  secret: env.LOCKGATE_SECRET.split(','),
  upstream: ${upstream(answers, '  ', '')},
  storage: durableObject(env.LOCKGATE),
  mcp: ${text(answers.mcp)},${allowLine(answers, '  ')}
}))
`
}

const WRANGLER = `{
  "name": "lockgate",
  "main": "worker.ts",
  "compatibility_date": "2025-11-01",
  "durable_objects": { "bindings": [{ "name": "LOCKGATE", "class_name": "LockgateStore" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["LockgateStore"] }]
}
`

/** `azure-b2c` → `azureB2c` */
const factoryOf = (provider: string): string =>
  provider.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

const providerImport = ({ provider }: Answers): string =>
  `import { ${factoryOf(provider)} } from 'lockgate/providers/${provider}'`

/** @param sure What TypeScript needs where a variable may be missing. */
function upstream(answers: Answers, indent: string, sure = '!'): string {
  const { provider, definition, inputs } = answers
  const variable = (name: string) =>
    `env.LOCKGATE_UPSTREAM_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}${sure}`
  const known = inputsOf(definition).filter(([name]) => name in inputs)
  const lines = [
    ...known.map(([name]) => `${name}: ${isSecret(name) ? variable(name) : text(inputs[name]!)}`),
    `clientId: ${variable('clientId')}`,
    ...(definition.secret === 'none' || inputs.clientAuth === 'none'
      ? []
      : [`clientSecret: ${variable('clientSecret')}`]),
  ]
  return `${factoryOf(provider)}({\n${lines.map((line) => `${indent}  ${line},\n`).join('')}${indent}})`
}

function allowLine({ allow }: Answers, indent: string): string {
  const rules = rulesOf(allow)
  return rules.length > 0 ? `\n${indent}allow: [${rules.map(text).join(', ')}],` : ''
}

/** The function, its subpath and its call, for what `LOCKGATE_STORAGE` would say. */
function storeOf(storage: string): [factory: string, module: string, call: string] {
  const [, scheme = '', rest = ''] = /^([\w-]+):?(.*)$/s.exec(storage) ?? []
  if (scheme === 'fs') return ['fs', 'fs', `fs({ base: ${text(rest || '.lockgate/data')} })`]
  if (scheme === 'sqlite')
    return ['sqlite', 'sqlite', `sqlite({ path: ${text(rest || '.lockgate/lockgate.db')} })`]
  if (scheme.startsWith('redis')) return ['redis', 'redis', 'redis({ url: env.LOCKGATE_STORAGE! })']
  if (scheme.startsWith('postgres'))
    return ['postgres', 'postgres', 'postgres({ url: env.LOCKGATE_STORAGE! })']
  if (scheme === 'deno-kv')
    return ['denoKv', 'deno-kv', rest ? `denoKv({ path: ${text(rest)} })` : 'denoKv()']
  return ['memory', 'memory', 'memory()']
}

/** A text as a literal of TypeScript, in the quotes of the documents where it has none itself. */
const text = (value: string): string => (/^[^'\\\n\r]*$/.test(value) ? `'${value}'` : JSON.stringify(value))
