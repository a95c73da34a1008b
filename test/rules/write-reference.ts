/**
 * Writes the tables of options, reason codes and rules into docs/reference, from the code that has them.
 *
 *   npx tsx test/rules/write-reference.ts
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { variableOf } from '../../adapters/cli/configuration/environment.ts'
import { JSON_OPTIONS } from '../../adapters/cli/configuration/json-options.ts'
import { scalarOptions } from '../../src/internal.ts'
import { reasons } from '../../src/reasons/reasons.ts'

/** What to run where the tables are stale. */
export const COMMAND = 'npx tsx test/rules/write-reference.ts'

const root = new URL('../..', import.meta.url).pathname

interface Option {
  /** Dotted, such as `redirectUris.customSchemes`. */
  readonly path: string
  readonly required: boolean
  /** The text of its `@default` tag. */
  readonly fallback: string | undefined
  /** Its JSDoc, on one line; empty where it has none. */
  readonly meaning: string
}

/** Every interface of the options, by its name. */
function interfaces(): ReadonlyMap<string, ts.InterfaceDeclaration> {
  const folder = join(root, 'src/options')
  const files = [...readdirSync(folder).map((file) => join(folder, file)), join(root, 'src/pages/theme.ts')]
  return new Map(
    files
      .map((file) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true))
      .flatMap(({ statements }) => statements.filter(ts.isInterfaceDeclaration))
      .map((node) => [node.name.text, node]),
  )
}

const INTERFACES = interfaces()

/** The members of an interface, those of the interfaces it extends and of nested objects included. */
export function membersOf(name: string): Option[] {
  const found = INTERFACES.get(name)
  if (!found) throw new Error(`There is no interface ${name} in src/options`)
  const parents = (found.heritageClauses ?? []).flatMap(({ types }) => types).map((type) => type.getText())
  return [
    ...parents.flatMap((parent) => membersOf(parent)),
    ...found.members.flatMap((member) => toOptions(member, '')),
  ]
}

/** What a type is beside `false` and `undefined`. */
function essence(type: ts.TypeNode | undefined): ts.TypeNode | undefined {
  if (!type || !ts.isUnionTypeNode(type)) return type
  const rest = type.types.filter((one) => !['false', 'undefined'].includes(one.getText()))
  return rest.length === 1 ? rest[0] : undefined
}

function toOptions(member: ts.TypeElement, prefix: string): Option[] {
  if (!ts.isPropertySignature(member) || !ts.isIdentifier(member.name)) return []
  // What is only there to be absent is no option.
  if (member.type?.getText() === 'undefined') return []
  const path = prefix + member.name.text
  const nested = INTERFACES.get(essence(member.type)?.getText() ?? '')
  if (nested) return nested.members.flatMap((inner) => toOptions(inner, `${path}.`))
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default')
  const fallback = tag && ts.getTextOfJSDocComment(tag.comment)?.trim()
  return [{ path, required: member.questionToken === undefined, fallback, meaning: sentences(member) }]
}

function sentences(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const text = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join(' ')
  return text.replace(/\s+/g, ' ').trim()
}

const row = (...cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(...heads), row(...heads.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n')

function optionTables(): string {
  const scalars = new Map(scalarOptions().map((option) => [option.path, option]))
  const shown = (fallback: string | undefined) => {
    if (fallback === undefined) return ''
    return fallback === '[]' ? 'none' : `\`${fallback.replace(/^'(.*)'$/, '$1')}\``
  }
  const options = membersOf('ProxyOptions').map(({ path, required, fallback, meaning }) => [
    `\`${path}\``,
    required ? 'required' : shown(fallback),
    scalars.has(path) || (JSON_OPTIONS as readonly string[]).includes(path) ? `\`${variableOf(path)}\`` : '',
    meaning,
  ])
  const plain = (...names: readonly string[]) =>
    table(
      ['option', 'default', 'meaning'],
      [
        ...new Map(names.flatMap((name) => membersOf(name)).map((option) => [option.path, option])).values(),
      ].map(({ path, required, fallback, meaning }) => [
        `\`${path}\``,
        required ? 'required' : shown(fallback),
        meaning,
      ]),
    )
  return [
    table(['option', 'default', 'variable', 'meaning'], options),
    'One server of `mcp`, if its URL or handler alone is not enough. It has either `url` or `handler`:',
    plain('ForwardedMcp', 'HandledMcp'),
    'One client of `clients`:',
    plain('ClientOptions'),
    'One key of `apiKeys`:',
    plain('ApiKeyOptions'),
  ].join('\n\n')
}

/** Every reason code, in the order of the alphabet: that is how they are looked up. */
function reasonTable(): string {
  const rows = Object.entries(reasons).sort(([a], [b]) => (a < b ? -1 : 1))
  return table(
    ['reason', 'meaning', 'what helps'],
    rows.map(([code, [meaning, remedy]]) => [`\`${code}\``, meaning, remedy]),
  )
}

const SEE = /@see \[([^\]]+)\]\(([^)]+)\)/g

/** Every rule that a JSDoc comment of the core or an adapter cites, with the files that do. */
function ruleTable(): string {
  const rules = new Map<string, { url: string; files: Set<string> }>()
  for (const file of sources()) {
    for (const [, name, url] of readFileSync(join(root, file), 'utf8').matchAll(SEE)) {
      const rule = rules.get(name!) ?? { url: url!, files: new Set() }
      rules.set(name!, rule)
      rule.files.add(file)
    }
  }
  const rows = [...rules].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  return table(
    ['rule', 'file'],
    rows.map(([name, { url, files }]) => [
      `[${name}](${url})`,
      [...files].map((file) => `\`${file}\``).join(', '),
    ]),
  )
}

const sources = (): string[] =>
  ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`)
      .sort(),
  )

/** Every generated table: its document, its mark, and the code that it follows from. */
const TABLES: readonly (readonly [file: string, mark: string, write: () => string])[] = [
  ['docs/reference/options.md', 'options', optionTables],
  ['docs/reference/reason-codes.md', 'reasons', reasonTable],
  ['docs/reference/rules.md', 'rules', ruleTable],
]

/**
 * Returns the generated documents as they should be, by path.
 *
 * @throws {Error} If a document has lost its marks.
 */
export function generatedDocuments(): Map<string, string> {
  return new Map(
    TABLES.map(([file, mark, write]) => {
      const text = readFileSync(join(root, file), 'utf8')
      const [begin, close] = [`<!-- ${mark}:begin -->`, `<!-- ${mark}:end -->`]
      const [start, end] = [text.indexOf(begin), text.indexOf(close)]
      if (start < 0 || end < start) throw new Error(`${file} must contain ${begin} and, after it, ${close}`)
      return [file, `${text.slice(0, start + begin.length)}\n\n${write()}\n\n${text.slice(end)}`]
    }),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [file, text] of generatedDocuments()) writeFileSync(join(root, file), text)
}
