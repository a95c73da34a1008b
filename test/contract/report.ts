import { drillsOf, nameOf, type Result, runTests } from './run-tests.ts'

/**
 * Runs the tests of every store, and prints three tables: tests that concern single stores, the contract of each store with
 * its rules and races, and how soon each store worked again after a drill, such as a failover or a silent connection.
 */

const { results, brokenFiles, passed } = runTests('test/contract')

const CONTRACT = ': the contract'
const stores = new Set(
  results.map(({ ancestorTitles: [title = ''] }) => title).filter((title) => title.endsWith(CONTRACT)),
)

function count(tests: readonly Result[]): string {
  const ran = tests.filter((test) => test.status === 'passed' || test.status === 'failed')
  if (ran.length === 0) return tests.length > 0 ? 'left out' : '–'
  return `${ran.filter((test) => test.status === 'passed').length}/${ran.length}`
}

const rows = [...stores].sort().map((title) => {
  const tests = results.filter(({ ancestorTitles }) => ancestorTitles[0] === title)
  const isRace = (test: Result) => /^of \d+ /.test(test.title)
  const processes = tests.filter((test) => /processes/.test(test.title))
  const races = tests.filter((test) => isRace(test) && !processes.includes(test))
  const rules = tests.filter((test) => !isRace(test))
  return [title.slice(0, -CONTRACT.length), count(rules), count(races), count(processes)]
})

const byName = ([a]: readonly string[], [b]: readonly string[]) => (a! < b! ? -1 : 1)

const others = results
  .filter(({ ancestorTitles: [title = ''], meta }) => !title.endsWith(CONTRACT) && !meta.drill)
  .map((test) => [nameOf(test), count([test])])

/** Each drill that passed found every record and every confirmed change, and that within ten seconds. */
const drills = drillsOf(results).map(({ name, recovery, kept }) => [
  name,
  `${recovery.toFixed(2)} s`,
  kept === undefined ? 'FAILED' : `${kept} of ${kept}`,
])

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
print([['drill', 'works again after', 'kept'], ...drills])
const failed = results.filter((test) => test.status === 'failed')
console.log(`\n${results.length} tests, ${failed.length} failed, ${drills.length} drills`)
for (const test of failed) console.log(`FAILED: ${nameOf(test)}`)
for (const { name, message } of brokenFiles) console.log(`FAILED: ${name}: ${message}`)
process.exit(passed ? 0 : 1)
