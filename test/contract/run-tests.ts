import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Drill } from './recovery.ts'

/** A test that ran, as vitest reports it. */
export interface Result {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
  readonly meta: { readonly drill?: Drill }
}

/** The results of a run. */
export interface Results {
  readonly results: readonly Result[]
  /** Files that failed before or after their tests, with the error. */
  readonly brokenFiles: readonly { readonly name: string; readonly message: string }[]
  readonly passed: boolean
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly Result[]
  }[]
}

/** Runs test files, and returns their results. Prints as vitest does, to stderr. */
export function runTests(...filters: readonly string[]): Results {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-report-'))
  const outputFile = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`]
  const { status } = spawnSync('npx', ['vitest', 'run', ...filters, ...reporters], {
    stdio: ['ignore', process.stderr, process.stderr],
  })
  const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8')) as Report
  rmSync(folder, { recursive: true })
  return {
    results: testResults.flatMap((file) => file.assertionResults),
    brokenFiles: testResults.filter((file) => file.status === 'failed' && file.message !== ''),
    passed: status === 0,
  }
}

export const nameOf = ({ ancestorTitles, title }: Result): string => [...ancestorTitles, title].join(': ')

/** How soon a store worked again after a drill, such as a failover. */
export interface DrillResult {
  readonly name: string
  /** In seconds. */
  readonly recovery: number
  /** Records and confirmed changes that were there afterwards, or `undefined` if the test failed. */
  readonly kept: number | undefined
}

/** Returns the drills among the results, by name. */
export const drillsOf = (results: readonly Result[]): DrillResult[] =>
  results
    .flatMap((test) => {
      const { drill } = test.meta
      if (!drill) return []
      const kept = test.status === 'passed' ? drill.kept : undefined
      return [{ name: nameOf(test), recovery: drill.recovery / 1000, kept }]
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
