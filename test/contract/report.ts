import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Drill } from './recovery.ts'

/**
 * Runs the tests of every store, and prints three tables: tests that concern single stores, the contract of each store with
 * its rules and races, and how soon each store worked again after a drill, such as a failover or a silent connection.
 */

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    /** The error of a file or of a hook. Its tests did not run. */
    readonly message: string
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
      readonly meta: { readonly drill?: Drill }
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

const nameOf = (test: (typeof results)[number]) => [...test.ancestorTitles, test.title].join(': ')
const byName = ([a]: readonly string[], [b]: readonly string[]) => (a! < b! ? -1 : 1)

const others = results
  .filter(({ ancestorTitles: [title = ''], meta }) => !title.endsWith(CONTRACT) && !meta.drill)
  .map((test) => [nameOf(test), count([test])])

/** Each drill that passed found every record and every confirmed change, and that within ten seconds. */
const drills = results.flatMap((test) => {
  const { drill } = test.meta
  if (!drill) return []
  const kept = test.status === 'passed' ? `${drill.kept} of ${drill.kept}` : 'FAILED'
  return [[nameOf(test), `${(drill.recovery / 1000).toFixed(2)} s`, kept]]
})

function print(table: readonly (readonly string[])[]): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!))
    console.log(cells.join('  ').trimEnd())
  }
}

print([['test', 'result'], ...others.sort(byName)])
console.log()
print([['store', 'contract', 'races', 'across processes'], ...rows])
console.log()
print([['drill', 'works again after', 'kept'], ...drills.sort(byName)])
const failed = results.filter((test) => test.status === 'failed')
console.log(`\n${results.length} tests, ${failed.length} failed, ${drills.length} drills`)
for (const test of failed) console.log(`FAILED: ${nameOf(test)}`)
for (const file of testResults)
  if (file.status === 'failed' && file.message) console.log(`FAILED: ${file.name}: ${file.message}`)
process.exit(status ?? 1)
