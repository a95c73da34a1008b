/** Lockgate on the runtime that runs this file, in front of MCP_URL or of a handler in the process. */
import { env } from 'node:process'
import { optionsOf } from './options.js'

const dist = new URL('../../../dist/', import.meta.url).href
const load = (path) => import(`${dist}${path}.js`)
const runtime = globalThis.Bun ? 'bun' : globalThis.Deno ? 'deno' : 'node'
const [{ createProxy }, { oauth2 }, { memory }, { serve, stopOnSignals }] = await Promise.all(
  ['index', 'providers/oauth2', 'storage/memory', runtime].map(load),
)

const proxy = createProxy(optionsOf({ oauth2, memory }, env))
stopOnSignals(await serve(proxy, { port: Number(env.PORT), delay: Number(env.DELAY ?? 0) }))
