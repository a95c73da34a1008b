/**
 * Has the conformance tool of the Model Context Protocol judge the proxy: as an authorization server, by every
 * revision, and as what stands before an MCP server, which must make no check fail.
 *
 *   npm run test:conformance
 */
import { startGates } from '../matrix/gate.ts'
import { install } from '../matrix/install.ts'
import { checkAuthorization, REVISIONS } from './authorization.ts'
import { startFixture } from './fixture.ts'
import { startModernFixture } from './fixture-modern.ts'
import { compare } from './server.ts'

install('runtimes')
install('conformance')

/** Checks that a bare server passes at least, so that there is something to compare. */
const LEAST = 30

let broken = 0
const { gates, close } = await startGates(['origin', 'base path'])

console.log('\nas an authorization server')
for (const gate of gates) {
  for (const revision of REVISIONS) {
    const verdict = await checkAuthorization(gate, revision)
    const { passed, failed } = verdict
    console.log(`  ${revision}  proxy at ${gate.place.padEnd(9)}  ${passed} passed, ${failed} failed`)
    for (const line of verdict.broken) console.log(`    BROKEN: ${line}`)
    if (verdict.broken.length > 0) console.log(verdict.output)
    broken += verdict.broken.length
  }
}

await close()

console.log('\nbefore an MCP server, compared with the same server without it')
for (const [revision, start] of [
  ['2025-11-25', startFixture],
  ['2026-07-28', startModernFixture],
] as const) {
  const guarded = await startGates(['origin'], start)
  const { checks, passed, worse, better } = await compare(guarded.gates[0]!, guarded.behind, revision)
  await guarded.close()
  const equal = checks - worse.length - better.length
  console.log(`  ${revision}  ${checks} checks, ${passed} passed by the bare server; ${equal} equal`)
  for (const line of better) console.log(`    only guarded: ${line}`)
  for (const line of worse) console.log(`    BROKEN: ${line}`)
  if (passed < LEAST)
    console.log(`    BROKEN: the bare server passed fewer than ${LEAST}: too little to compare`)
  broken += worse.length + (passed < LEAST ? 1 : 0)
}

console.log(broken === 0 ? '\nall of it holds' : `\n${broken} broken`)
process.exit(broken === 0 ? 0 : 1)
