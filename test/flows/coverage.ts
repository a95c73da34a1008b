/**
 * Holds the table in README.md to the tests: every row names tests that exist, or says why there is none.
 *
 *   npm run test:coverage
 */
import { existsSync, readFileSync } from 'node:fs'
import ts from 'typescript'

const TABLE = new URL('./README.md', import.meta.url)
const TESTS = new URL('../', import.meta.url)
const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']
const LEVELS = new Set(['must', 'should', 'may', 'needed', '–'])
const NO_TEST = 'none: '

interface Row {
  readonly id: string
  readonly levels: readonly string[]
  readonly tests: readonly string[]
}

/** `DIS-01` | rule | four levels | tests, each as `file` title, separated by semicolons. */
function rowsOf(markdown: string): Row[] {
  return markdown
    .split('\n')
    .filter((line) => /^\| [A-Z]+-\d+ \|/.test(line))
    .map((line) => {
      const [id, , ...rest] = line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim())
      const tests = rest.slice(REVISIONS.length).join(' | ').split('<br>')
      return { id: id!, levels: rest.slice(0, REVISIONS.length), tests: tests.map((test) => test.trim()) }
    })
}

/** Every title in a test file, those of its groups in front: `group › title`. */
function titlesOf(file: string, text: string): Set<string> {
  const found = new Set<string>()
  const visit = (node: ts.Node, groups: readonly string[]): void => {
    let inner = groups
    if (ts.isCallExpression(node)) {
      const [kind] = /^(describe|test|it)\b/.exec(node.expression.getText()) ?? []
      const title = node.arguments.find(ts.isStringLiteralLike)?.text
      if (kind !== undefined && title !== undefined && node.arguments[0] !== undefined) {
        const path = [...groups, title]
        if (kind === 'describe') inner = path
        // A test may be named with its groups or, where that is enough, without.
        else for (const from of path.keys()) found.add(path.slice(from).join(' › '))
      }
    }
    node.forEachChild((child) => visit(child, inner))
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), [])
  return found
}

const files = new Map<string, Set<string> | undefined>()
function lookUp(file: string): Set<string> | undefined {
  if (!files.has(file)) {
    const url = new URL(`${file}.test.ts`, TESTS)
    files.set(file, existsSync(url) ? titlesOf(file, readFileSync(url, 'utf8')) : undefined)
  }
  return files.get(file)
}

function judge({ id, levels, tests }: Row): string[] {
  const broken: string[] = []
  if (levels.length !== REVISIONS.length || levels.some((level) => !LEVELS.has(level))) {
    broken.push(`${id} has no level for some revision: ${levels.join(', ')}`)
  }
  for (const test of tests) {
    if (test.startsWith(NO_TEST) && test.length > NO_TEST.length + 20) continue
    const [, file, title] = /^`([\w/-]+)` (.+)$/.exec(test) ?? []
    const titles = file === undefined ? undefined : lookUp(file)
    if (title === undefined) broken.push(`${id} names no test and no reason: ${test}`)
    else if (!titles) broken.push(`${id} names a file that does not exist: ${file}`)
    else if (!titles.has(title)) broken.push(`${id} names a test that does not exist: ${file} › ${title}`)
  }
  return broken
}

const rows = rowsOf(readFileSync(TABLE, 'utf8'))
const repeated = rows.map(({ id }) => id).filter((id, index, all) => all.indexOf(id) !== index)
const broken = [...rows.flatMap(judge), ...repeated.map((id) => `${id} is there twice`)]
if (rows.length === 0) broken.push('the table has no rows')

const without = rows.filter(({ tests }) => tests.every((test) => test.startsWith(NO_TEST)))
const named = new Set(rows.flatMap(({ tests }) => tests.filter((test) => !test.startsWith(NO_TEST))))
console.log(`${rows.length} requirements, ${rows.length - without.length} held by ${named.size} tests`)
for (const [index, revision] of REVISIONS.entries()) {
  const count = (level: string) => rows.filter(({ levels }) => levels[index] === level).length
  const counts = [...LEVELS].filter((level) => level !== '–').map((level) => `${count(level)} ${level}`)
  console.log(`  ${revision}: ${counts.join(', ')}`)
}
for (const { id, tests } of without)
  console.log(`  ${id} has no test: ${tests.join(' ').slice(NO_TEST.length)}`)
for (const line of broken) console.error(`BROKEN: ${line}`)
process.exit(broken.length > 0 ? 1 : 0)
