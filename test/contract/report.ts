import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Runs the tests of every store, and prints two tables: the contract of each store with its rules and races, and the drills
 * that concern single stores, such as failovers, restarts and places that are behind.
 */

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const folder = mkdtempSync(join(tmpdir(), 'lockgate-report-'))
const outputFile = join(folder, 'report.json')
const vitest = ['vitest', 'run', 'test/contract', '--reporter=default', '--reporter=json']
const { status } = spawnSync('npx', [...vitest, `--outputFile.json=${outputFile}`], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8')) as Report
rmSync(folder, { recursive: true })

const CONTRACT = ': the contract'
const results = testResults.flatMap((file) => file.assertionResults)
const stores = new Set(
  results.map(({ ancestorTitles: [title = ''] }) => title).filter((title) => title.endsWith(CONTRACT)),
)

function count(tests: typeof results): string {
  const ran = tests.filter((test) => test.status === 'passed' || test.status === 'failed')
  if (ran.length === 0) return tests.length > 0 ? 'left out' : '–'
  return `${ran.filter((test) => test.status === 'passed').length}/${ran.length}`
}

const rows = [...stores].sort().map((title) => {
  const tests = results.filter(({ ancestorTitles }) => ancestorTitles[0] === title)
  const isRace = (test: (typeof results)[number]) => /^of \d+ /.test(test.title)
  const processes = tests.filter((test) => /processes/.test(test.title))
  const races = tests.filter((test) => isRace(test) && !processes.includes(test))
  const rules = tests.filter((test) => !isRace(test))
  return [title.slice(0, -CONTRACT.length), count(rules), count(races), count(processes)]
})

const drills = results
  .filter(({ ancestorTitles: [title = ''] }) => !title.endsWith(CONTRACT))
  .map((test) => [[...test.ancestorTitles, test.title].join(': '), count([test])])

function print(table: readonly (readonly string[])[]): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!))
    console.log(cells.join('  ').trimEnd())
  }
}

print([['drill', 'result'], ...drills.sort((a, b) => (a[0]! < b[0]! ? -1 : 1))])
console.log()
print([['store', 'contract', 'races', 'across processes'], ...rows])
process.exit(status ?? 1)
