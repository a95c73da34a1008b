/**
 * Writes the option tables of README.md from the code that reads the options.
 *
 *   npx tsx test/package/write-readme.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { scalarOptions } from 'lockgate'
import ts from 'typescript'
import { variableOf } from '../../adapters/cli/environment.ts'

/** What to run where the tables are stale. */
export const COMMAND = 'npx tsx test/package/write-readme.ts'

const BEGIN = '<!-- options:begin -->'
const END = '<!-- options:end -->'
const root = new URL('../..', import.meta.url).pathname
const config = join(root, 'src/config.ts')
const apiKeys = join(root, 'src/protocol/api-key-schema.ts')

interface Option {
  /** Dotted, such as `redirectUris.customSchemes`. */
  readonly path: string
  readonly required: boolean
  /** Its JSDoc, on one line; empty where it has none. */
  readonly meaning: string
}

/** The members of an interface in a file, those of nested objects included. */
function membersOf(name: string, file = config): Option[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const found = source.statements.filter(ts.isInterfaceDeclaration).find((node) => node.name.text === name)
  if (!found) throw new Error(`There is no interface ${name} in ${file}`)
  return found.members.flatMap((member) => toOptions(member, ''))
}

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
  if (literal && ts.isTypeLiteralNode(literal)) {
    return literal.members.flatMap((inner) => toOptions(inner, `${path}.`))
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

/** Everything between the two marks. */
function optionTables(): string {
  const scalars = new Map(scalarOptions().map((option) => [option.path, option]))
  const options = membersOf('ProxyOptions').map(({ path, required, meaning }) => {
    const scalar = scalars.get(path)
    const fallback = required ? 'required' : show(scalar?.default)
    return [`\`${path}\``, fallback, scalar ? `\`${variableOf(path)}\`` : '', meaning]
  })
  const plain = (name: string, file?: string) =>
    table(
      ['option', 'meaning'],
      membersOf(name, file).map(({ path, required, meaning }) => [
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
    plain('ApiKeyOptions', apiKeys),
  ].join('\n\n')
}

/** @throws {Error} Where the text has lost the marks. */
export function withOptionTables(readme: string): string {
  const [start, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (start < 0 || end < start) throw new Error(`README.md must hold ${BEGIN} and, after it, ${END}`)
  return `${readme.slice(0, start + BEGIN.length)}\n\n${optionTables()}\n\n${readme.slice(end)}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = join(root, 'README.md')
  writeFileSync(file, withOptionTables(readFileSync(file, 'utf8')))
}
