/**
 * Writes the parts that follow from the files in `src/providers`: the names for the command line, the subpaths of
 * package.json and jsr.json, the table of docs/reference/providers.md and that of docs/providers/oidc.md.
 *
 *   npx tsx test/providers/write-table.ts
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { variableOf } from '../../adapters/cli/configuration/environment.ts'
import { KNOWN_ISSUERS } from '../../adapters/cli/configuration/known-issuers.ts'
import type { ProviderFactory } from '../../src/providers/define.ts'
import type { Input } from '../../src/providers/parts/inputs.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { jsrJson } from '../package/jsr.ts'
import { ROWS } from './rows.ts'

/** What to run where something is stale. */
export const COMMAND = 'npx tsx test/providers/write-table.ts'

const root = new URL('../..', import.meta.url).pathname
const subpaths = readdirSync(join(root, 'src/providers'))
  .filter((file) => file.endsWith('.ts') && file !== 'provider.ts')
  .map((file) => file.slice(0, -3))
  .sort()
const names = subpaths.filter((name) => name !== 'define' && name !== 'dev')
const camelCase = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** @throws {Error} Where the text has lost the marks. */
function between(text: string, begin: string, end: string, content: string): string {
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
  if (start < 0 || stop < start) throw new Error(`expected ${begin} and, after it, ${end}`)
  return text.slice(0, start + begin.length) + content + text.slice(stop)
}

function commandLine(text: string): string {
  const rows = names.map((name) => {
    const key = name.includes('-') ? `'${name}'` : name
    const load = `(await import('../../../src/providers/${name}.ts')).${camelCase(name)},`
    const line = `  ${key}: async () => ${load}`
    return line.length > 110 ? `  ${key}: async () =>\n    ${load}\n` : `${line}\n`
  })
  return between(text, '  // providers:begin\n', '  // providers:end', rows.join(''))
}

function packageJson(text: string): string {
  const rows = subpaths.map((name) => `    "./providers/${name}": "./dist/providers/${name}.js",\n`)
  return text.replace(/( {4}"\.\/providers\/[^\n]*\n)+/, rows.join(''))
}

const ROTATION = { never: 'stays', maybe: 'may change', always: 'changes' }

function revocationOf({ revoke, revocation }: Provider): string {
  if (revoke) return 'in its own way'
  if (revocation.style === 'none') return 'none'
  if (revocation.ends === 'authorization') return 'with the last grant'
  return revocation.lenient ? 'tried' : 'yes'
}

async function readme(text: string): Promise<string> {
  const lines = ['| provider | name | beside client id and secret | refresh token | revocation | known |']
  lines.push('| --- | --- | --- | --- | --- | --- |')
  for (const name of names) {
    const module = (await import(`../../src/providers/${name}.ts`)) as Record<string, ProviderFactory>
    const { definition } = module[camelCase(name)]!
    const inputs = Object.entries((definition.inputs ?? {}) as Record<string, Input>)
    const needs = inputs
      .filter(([, input]) => !input.inCodeOnly)
      .map(([input, { required }]) => `\`${variableOf(`upstream.${input}`)}\`${required ? '' : '?'}`)
    const row = ROWS.find((one) => one.name === name)
    if (!row) throw new Error(`${name} has no row in test/providers/rows.ts`)
    const { provider, profile } = row
    const limit = provider.tokensPerUser === undefined ? '' : `, ${provider.tokensPerUser} per user`
    const refresh = (profile.refreshes === 'never' ? 'none' : ROTATION[provider.rotation]) + limit
    const known = `${definition.confidence}, ${definition.verified}`
    const cells = [`[${definition.name}](${definition.docs})`, `\`${name}\``, needs.join(', '), refresh]
    lines.push(`| ${[...cells, revocationOf(provider), known].join(' | ')} |`)
  }
  return between(text, '<!-- providers:begin -->', '<!-- providers:end -->', `\n\n${lines.join('\n')}\n\n`)
}

function issuers(text: string): string {
  const rows = Object.entries(KNOWN_ISSUERS).map(
    ([name, { name: title, docs, pattern, inputs }]) =>
      `| [${title}](${docs}) | \`${name}\` | ${inputs.issuer ? 'your own, such as ' : ''}\`${pattern}\` |`,
  )
  const table = ['| provider | name for `init` | issuer |', '| --- | --- | --- |', ...rows].join('\n')
  return between(text, '<!-- issuers:begin -->', '<!-- issuers:end -->', `\n\n${table}\n\n`)
}

/** Every file that follows, as it should be. */
export const FOLLOWING: readonly (readonly [string, (text: string) => string | Promise<string>])[] = [
  ['adapters/cli/configuration/providers.ts', commandLine],
  ['package.json', packageJson],
  // After package.json, which it follows from.
  ['jsr.json', jsrJson],
  ['docs/reference/providers.md', readme],
  ['docs/providers/oidc.md', issuers],
]

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [file, write] of FOLLOWING) {
    const path = join(root, file)
    writeFileSync(path, await write(readFileSync(path, 'utf8')))
  }
}
