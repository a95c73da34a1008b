/**
 * Measures every path in one process, for the Node it runs on, and prints the figures as JSON. `run.ts` starts it.
 *
 *   node --expose-gc --import tsx test/bench/in-process.ts <rounds> <grants>
 */
import { measure, type Operation } from './measure.ts'
import { operationsOf } from './operations.ts'
import { lockgate } from './subjects/lockgate.ts'
import { noAuth } from './subjects/no-auth.ts'
import { openauth } from './subjects/openauth.ts'
import { answer } from './subjects/subject.ts'
import { workersOauthProvider } from './subjects/workers-oauth-provider.ts'

const [rounds, grants] = process.argv.slice(2).map(Number) as [number, number]
const origin = 'https://mcp.example.com'

// What they write about each refusal is not what is measured.
console.warn = console.error = () => {}

const operations: Operation[] = []
for (const subject of [noAuth(origin), await lockgate(origin), await workersOauthProvider(origin)]) {
  operations.push(...(await operationsOf(subject, subject.fetch, grants)))
}
// The same guard with tokens that other servers can verify.
const signed = await lockgate(origin, undefined, undefined, {
  mcp: { handler: answer, accessToken: { format: 'jwt' } },
})
const guards = await operationsOf(signed, signed.fetch, grants)
operations.push(
  ...guards
    .filter(({ path }) => path.startsWith('guard, '))
    .map((one) => ({ ...one, path: `${one.path}, signed token` })),
)
const short = await workersOauthProvider(origin, true)
const brief = await operationsOf(short, short.fetch, 1)
operations.push(...brief.filter(({ path }) => path === 'sign-in'))
// Last: it takes the global `fetch` over.
const last = await openauth(origin)
operations.push(...(await operationsOf(last, last.fetch, grants)))

process.stdout.write(JSON.stringify(await measure(operations, rounds)))
