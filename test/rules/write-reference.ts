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
import { scalarOptions } from '../../src/internal.ts'
import { reasons } from '../../src/reasons/reasons.ts'

/** What to run where the tables are stale. */
export const COMMAND = 'npx tsx test/rules/write-reference.ts'

const root = new URL('../..', import.meta.url).pathname
const folder = join(root, 'src/options')

interface Option {
  /** Dotted, such as `redirectUris.customSchemes`. */
  readonly path: string
  readonly required: boolean
  /** Its JSDoc, on one line; empty where it has none. */
  readonly meaning: string
}

/** Every interface of the options, by name. */
const interfaces = new Map(
  readdirSync(folder)
    .map((name) => join(folder, name))
    .map((file) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true))
    .flatMap((source) => source.statements.filter(ts.isInterfaceDeclaration))
    .map((node) => [node.name.text, node]),
)

/** Returns the members of an interface, with those of nested objects. */
function membersOf(name: string): Option[] {
  const found = interfaces.get(name)
  if (!found) throw new Error(`There is no interface ${name} in ${folder}`)
  return found.members.flatMap((member) => toOptions(member, ''))
}

/** Returns the interface of an option whose name ends in `Options`. */
const familyOf = (type: ts.TypeNode | undefined): ts.InterfaceDeclaration | undefined =>
  type && ts.isTypeReferenceNode(type) && /Options$/.test(type.typeName.getText())
    ? interfaces.get(type.typeName.getText())
    : undefined

const isFalse = (type: ts.TypeNode): boolean => type.getText() === 'false'

function toOptions(member: ts.TypeElement, prefix: string): Option[] {
  if (!ts.isPropertySignature(member) || !ts.isIdentifier(member.name)) return []
  const path = prefix + member.name.text
  const { type } = member
  // `false | { … }` is told by its members too.
  const literal =
    type && ts.isUnionTypeNode(type) && type.types.find(isFalse)
      ? type.types.find(ts.isTypeLiteralNode)
      : type
  const family = familyOf(type) ?? literal
  if (family && (ts.isTypeLiteralNode(family) || ts.isInterfaceDeclaration(family))) {
    return family.members.flatMap((inner) => toOptions(inner, `${path}.`))
  }
  return [{ path, required: member.questionToken === undefined, meaning: sentences(member) }]
}

function sentences(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const text = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join(' ')
  return text.replace(/\s+/g, ' ').trim()
}

function show(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `\`${value.join(', ')}\``
  return `\`${value}\``
}

const row = (...cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(...heads), row(...heads.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n')

function optionTables(): string {
  const scalars = new Map(scalarOptions().map((option) => [option.path, option]))
  const options = membersOf('ProxyOptions').map(({ path, required, meaning }) => {
    const scalar = scalars.get(path)
    const fallback = required ? 'required' : show(scalar?.default)
    return [`\`${path}\``, fallback, scalar ? `\`${variableOf(path)}\`` : '', meaning]
  })
  const plain = (name: string) =>
    table(
      ['option', 'meaning'],
      membersOf(name).map(({ path, required, meaning }) => [
        `\`${path}\`${required ? ' (required)' : ''}`,
        meaning,
      ]),
    )
  return [
    table(['option', 'default', 'variable', 'meaning'], options),
    'One server of `mcp`, where its URL or handler alone does not say enough:',
    plain('McpOptions'),
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
      [...files].map((file) => `[\`${file}\`](../../${file})`).join(', '),
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
