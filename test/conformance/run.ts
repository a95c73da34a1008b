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
import { compare, SERVER_REVISIONS } from './server.ts'

install('runtimes')
install('conformance')

let broken = 0
const { gates, behind, close } = await startGates(['origin', 'base path'], startFixture)

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

console.log('\nbefore an MCP server, compared with the same server without it')
for (const revision of SERVER_REVISIONS) {
  const { checks, passed, worse, better } = await compare(gates[0]!, behind, revision)
  const equal = checks - worse.length - better.length
  console.log(`  ${revision}  ${checks} checks, ${passed} passed by the bare server; ${equal} equal`)
  for (const line of better) console.log(`    only guarded: ${line}`)
  for (const line of worse) console.log(`    BROKEN: ${line}`)
  if (passed === 0) console.log('    BROKEN: the bare server passed nothing, so nothing was compared')
  broken += worse.length + (passed === 0 ? 1 : 0)
}

await close()
console.log(broken === 0 ? '\nall of it holds' : `\n${broken} broken`)
process.exit(broken === 0 ? 0 : 1)
