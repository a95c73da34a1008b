import { register } from 'node:module'
import { toNodeHandler } from 'lockgate/node'
import { listen, type Peer } from './listen.ts'

interface Helpers {
  parseAuthRequest(request: Request): Promise<{ clientId: string }>
  lookupClient(clientId: string): Promise<unknown>
}
interface Worker {
  fetch(request: Request, env: object, context: object): Promise<Response>
}

/** On Node nobody answers to `cloudflare:workers`: this hook does, with the one class that is used of it. */
const HOOK = `
const source = 'export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }; export const env = {}; export const exports = {}'
export const resolve = (name, context, next) =>
  name === 'cloudflare:workers'
    ? { url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true }
    : next(name, context)`

const PACKAGE = './node_modules/@cloudflare/workers-oauth-provider/dist/oauth-provider.js'

/** Cloudflare's authorization server for MCP, in front of a page that shows who asks. */
export const startWorkersOauthProvider = (): Promise<Peer> =>
  listen(async (origin) => {
    register(`data:text/javascript,${encodeURIComponent(HOOK)}`)
    const { OAuthProvider } = (await import(new URL(PACKAGE, import.meta.url).href)) as {
      OAuthProvider: new (options: object) => Worker
    }
    const worker = new OAuthProvider({
      apiRoute: '/mcp',
      apiHandler: { fetch: async () => Response.json({}) },
      defaultHandler: { fetch: authorize },
      authorizeEndpoint: '/authorize',
      tokenEndpoint: '/token',
      clientRegistrationEndpoint: '/register',
      scopesSupported: ['mcp'],
      resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin] },
    })
    const env = { OAUTH_KV: memoryKv() }
    const context = { waitUntil() {}, passThroughOnException() {}, props: {} }
    return toNodeHandler({
      fetch: (request) => {
        const { pathname, search } = new URL(request.url)
        return worker.fetch(new Request(origin + pathname + search, request as RequestInit), env, context)
      },
    }) as never
  })

async function authorize(request: Request, env: { OAUTH_PROVIDER: Helpers }): Promise<Response> {
  if (new URL(request.url).pathname !== '/authorize') return new Response('Not found', { status: 404 })
  try {
    const asked = await env.OAUTH_PROVIDER.parseAuthRequest(request)
    const client = await env.OAUTH_PROVIDER.lookupClient(asked.clientId)
    return new Response(client ? 'Allow?' : 'Unknown client', { status: client ? 200 : 400 })
  } catch (error) {
    return new Response((error as Error).message, { status: 400 })
  }
}

/** Workers' KV as a Map. */
function memoryKv() {
  const entries = new Map<string, string>()
  return {
    async get(key: string, type?: string | { type?: string }) {
      const value = entries.get(key)
      if (value === undefined) return null
      return (typeof type === 'object' ? type.type : type) === 'json' ? JSON.parse(value) : value
    },
    put: async (key: string, value: string) => void entries.set(key, value),
    delete: async (key: string) => void entries.delete(key),
    list: async () => ({ keys: [], list_complete: true }),
  }
}
