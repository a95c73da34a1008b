/**
 * Walks through every provider and prints the steps that it passed: `npm run test:providers`. Exits with 1 if one
 * fails, or if fewer than 50 pass. `~` marks what the imitation assumes because nobody captured it.
 */
import { startVitest } from 'vitest/node'
import type {} from './providers.test.ts'

const vitest = await startVitest('test', ['test/providers/'], { watch: false, reporters: [{}] })
const lines: string[][] = []
const failures: string[] = []
for (const module of vitest.state.getTestModules()) {
  failures.push(...module.errors().map(({ message }) => `${module.moduleId}: ${message}`))
  for (const test of module.children.allTests()) {
    const { state, errors = [] } = test.result()
    const { walked } = test.meta()
    if (state === 'passed' && walked) lines.push(lineOf(walked))
    if (state === 'failed') failures.push(`${test.fullName}\n    ${errors[0]?.message}`)
  }
}
await vitest.close()

function lineOf(walked: NonNullable<import('vitest').TaskMeta['walked']>): string[] {
  const { name, documents, signIn, refresh, refusals, revoke, groups, assumed, quirks } = walked
  const mark = (step: string, of: string) => (assumed.includes(of) ? `${step}~` : step)
  const count = (kind: keyof typeof refusals) =>
    refusals[kind] === 0 ? '-' : mark(String(refusals[kind]), 'errors')
  return [
    name,
    documents,
    mark(signIn, 'identity'),
    mark(refresh, 'tokens'),
    count('final'),
    count('transient'),
    count('configuration'),
    revoke,
    groups,
    quirks,
  ]
}

const head = [
  'provider',
  'document',
  'sign-in',
  'refresh',
  'final',
  'passes',
  'setup',
  'revoke',
  'groups',
  'quirks',
]
const widths = [28, 9, 8, 8, 6, 7, 6, 7, 7, 0]
for (const line of [head, ...lines])
  console.log(
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(' ')
      .trimEnd(),
  )
const byDefinition = lines.filter(([, document]) => document === 'assumed').map(([name]) => name)
console.log(`\n${lines.length} rows passed, ${failures.length} tests failed`)
console.log(`document written by the imitation: ${byDefinition.join(', ')}`)
for (const failure of failures) console.log(`\n${failure}`)
process.exit(failures.length > 0 || lines.length < 50 ? 1 : 0)
