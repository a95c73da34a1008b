/**
 * Follows the guide for Netlify with Netlify's own local runtime, without an account:
 * `npm run build && npm run test:netlify`. It installs the runtime, 160 MB, as the lockfile beside this file pins it. It
 * writes the function of the guide beside the packed package, bundles and starts it, signs in by the client of the MCP SDK
 * and calls a tool. It needs Redis and about a minute.
 */
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { followGuide, type LocalRuntime } from '../docs/functions.ts'
import { noRedis } from '../support/redis.ts'

/** A part of `@netlify/functions-dev`, which `netlify dev` uses. */
interface FunctionsDev {
  FunctionsHandler: new (options: {
    config: { get(): object }
    destPath: string
    geolocation: object
    projectRoot: string
    settings: object
    userFunctionsPath: string
    eventHandler(event: { name: string; function?: { buildError?: Error } }): void
    timeouts: { syncFunctions: number }
    fileWatcher: { subscribe(): { add(): void; unwatch(): void; unsubscribe(): void } }
  }) => {
    match(request: Request): Promise<{ handle(request: Request): Promise<Response> } | undefined>
  }
}

/** A variable, because the type check has no such package. */
const RUNTIME: string = '@netlify/functions-dev'
const FUNCTIONS = 'netlify/functions'
/** Without a limit, a bundler or a function that hangs would hold up every later suite. */
const LIMIT_MS = 240_000

/**
 * Reads the body to its end, also if the client has left. The runtime makes it from a socket, and Node ends the process if
 * such a body is cancelled at the moment at which the socket ends.
 */
async function deliver({ body }: Response, outgoing: ServerResponse): Promise<void> {
  for await (const chunk of body ?? []) if (!outgoing.destroyed) outgoing.write(chunk)
  outgoing.end()
}

async function start(folder: string, env: Readonly<Record<string, string>>): Promise<LocalRuntime> {
  Object.assign(process.env, env)
  const { FunctionsHandler } = (await import(RUNTIME)) as FunctionsDev
  const handler = new FunctionsHandler({
    config: { get: () => ({ functions: {} }) },
    destPath: join(folder, '.netlify'),
    geolocation: {},
    projectRoot: folder,
    settings: {},
    userFunctionsPath: FUNCTIONS,
    eventHandler: ({ name, function: made }) => console.log(name, made?.buildError ?? ''),
    timeouts: { syncFunctions: 30 },
    // With a watcher, the function is bundled when it is found.
    fileWatcher: { subscribe: () => ({ add() {}, unwatch() {}, unsubscribe() {} }) },
  })
  // Without a folder of its own, a request does not bundle the function again.
  Object.assign(handler, { globalBuildDirectory: undefined })
  return {
    async listener(message, outgoing) {
      const { method = 'GET', url, headers } = message
      const fields = new Headers(headers as Record<string, string>)
      fields.set('x-forwarded-for', '203.0.113.7')
      const body = ['GET', 'HEAD'].includes(method) ? null : Readable.toWeb(message)
      const request = new Request(`http://${headers.host}${url}`, {
        method,
        headers: fields,
        body: body as ReadableStream | null,
        duplex: 'half',
      } as RequestInit)
      const match = await handler.match(request)
      if (!match) return outgoing.writeHead(404).end()
      const response = await match.handle(request)
      const answer = Object.fromEntries(response.headers)
      outgoing.writeHead(response.status, { ...answer, 'set-cookie': response.headers.getSetCookie() })
      await deliver(response, outgoing).catch(() => outgoing.destroy())
    },
    close: async () => {},
  }
}

if (noRedis) throw new Error(noRedis)
const began = Date.now()
setTimeout(() => {
  console.error(`The guide for Netlify was not done within ${LIMIT_MS / 1000} seconds.`)
  process.exit(1)
}, LIMIT_MS).unref()
const said = await followGuide({
  containing: "config = { path: '/*' }",
  file: `${FUNCTIONS}/lockgate.mts`,
  start,
})
console.log(`${Math.round((Date.now() - began) / 1000)} s: signed in and called a tool: ${said}`)
const isRight = said.includes('hello')
console.log(isRight ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(isRight ? 0 : 1)
