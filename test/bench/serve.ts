/**
 * Serves one product over HTTP, and answers what its process costs. `over-http.ts` starts it.
 *
 *   node --import tsx test/bench/serve.ts <product> <port>
 */
import type * as Adapter from 'lockgate/node'
import { ownCpu } from './measure.ts'
import { lockgate } from './subjects/lockgate.ts'
import { noAuth } from './subjects/no-auth.ts'
import type { MakeSubject } from './subjects/subject.ts'
import { workersOauthProvider } from './subjects/workers-oauth-provider.ts'

const PRODUCTS: Readonly<Record<string, MakeSubject>> = { noAuth, lockgate, workersOauthProvider }
const [name, port] = process.argv.slice(2) as [string, string]

console.warn = console.error = () => {}
const { serve } = (await import(new URL('../../dist/node.js', import.meta.url).href)) as typeof Adapter
const subject = await PRODUCTS[name]!(`http://localhost:${port}`)
// One adapter for all of them: it is not what is compared.
await serve(subject, { port: Number(port) })

process.on('message', (message) => {
  if (message === 'restart') subject.restart?.()
  if (message === 'collect') globalThis.gc?.({ type: 'minor' })
  process.send!(ownCpu())
})
process.send!('ready')
