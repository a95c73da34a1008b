/**
 * Walks through every provider and prints what it was seen to do: `npm run test:providers`. Ends with 1 where one
 * fails, or where fewer than 30 pass.
 */
import { startVitest } from 'vitest/node'
import type {} from './providers.test.ts'

const vitest = await startVitest('test', ['test/providers/'], { watch: false, reporters: [{}] })
const lines = [['provider', 'sign-in', 'refresh', 'revoke', 'quirks']]
const failures: string[] = []
for (const module of vitest.state.getTestModules()) {
  failures.push(...module.errors().map(({ message }) => `${module.moduleId}: ${message}`))
  for (const test of module.children.allTests()) {
    const { state, errors = [] } = test.result()
    const { walked } = test.meta()
    if (state === 'passed' && walked) {
      lines.push([walked.name, walked.signIn, walked.refresh, walked.revoke, walked.quirks])
    }
    if (state === 'failed') failures.push(`${test.fullName}\n    ${errors[0]?.message}`)
  }
}
await vitest.close()
for (const [name = '', ...rest] of lines) {
  const [signIn = '', refresh = '', revoke = '', quirks = ''] = rest
  console.log(`${name.padEnd(26)} ${signIn.padEnd(8)} ${refresh.padEnd(8)} ${revoke.padEnd(8)} ${quirks}`)
}
const passed = lines.length - 1
console.log(`\n${passed} passed, ${failures.length} failed`)
for (const failure of failures) console.log(`\n${failure}`)
process.exit(failures.length > 0 || passed < 30 ? 1 : 0)
