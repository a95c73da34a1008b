import { createHash } from 'node:crypto'
import { register as registerHook } from 'node:module'
import {
  answer,
  answered,
  authorizeQuery,
  cookiesOf,
  expectStatus,
  form,
  redeemAt,
  refreshAt,
  registerAt,
  type Send,
  type Session,
  type Subject,
  upstream,
} from './subject.ts'

interface Asked {
  readonly clientId: string
  readonly scope: string[]
}
interface Helpers {
  parseAuthRequest(request: Request): Promise<Asked>
  lookupClient(clientId: string): Promise<unknown>
  describeConsent(request: Asked): Promise<{ clientName: string; redirectHost: string; scope: string[] }>
  beginConsent(request: Asked): Promise<{ handle: string; headers: Headers }>
  approveConsent(http: Request, handle: string): Promise<{ request: Asked; headers: Headers }>
  beginUpstream(request: Asked, options: object): Promise<{ state: string; headers: Headers }>
  finishUpstream(http: Request): Promise<{ request: Asked; headers: Headers }>
  completeAuthorization(options: object): Promise<{ redirectTo: string }>
}
interface Env {
  readonly OAUTH_PROVIDER: Helpers
}
interface Handling {
  fetch(request: Request, env: object, context: object): Promise<Response>
}

/** On Node nobody answers to `cloudflare:workers`: this hook does, with the one class that is used of it. */
const HOOK = `
const source = 'export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }; export const env = {}; export const exports = {}'
export const resolve = (name, context, next) =>
  name === 'cloudflare:workers'
    ? { url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true }
    : next(name, context)`

/** Workers' KV as a Map, with the ends of its entries. */
export function memoryKv() {
  const entries = new Map<string, { value: string; until: number; metadata: unknown }>()
  const live = (key: string) => {
    const entry = entries.get(key)
    return entry && entry.until > Date.now() ? entry : undefined
  }
  return {
    async get(key: string, type?: string | { type?: string }) {
      const value = live(key)?.value
      if (value === undefined) return null
      return (typeof type === 'object' ? type.type : type) === 'json' ? JSON.parse(value) : value
    },
    async put(
      key: string,
      value: string,
      options: { expirationTtl?: number; expiration?: number; metadata?: unknown } = {},
    ) {
      const { expirationTtl, expiration } = options
      const until =
        expirationTtl !== undefined
          ? Date.now() + expirationTtl * 1000
          : (expiration ?? Number.POSITIVE_INFINITY) * 1000
      entries.set(key, { value, until, metadata: options.metadata })
    },
    async delete(key: string) {
      entries.delete(key)
    },
    // Only ever asked for the grants of one user who has just come: a Map has no order to find them by.
    async list() {
      return { keys: [], list_complete: true }
    },
  }
}

const moved = (location: string, headers = new Headers()): Response => {
  headers.set('location', location)
  return new Response(null, { status: 302, headers })
}

const page = (name: string, host: string, scope: string[], handle: string): string => `<!doctype html>
<meta charset="utf-8"><title>Authorize ${escapeHtml(name)}</title>
<h1>Allow ${escapeHtml(name)} to access your account?</h1>
<p>This app registered itself; its name is not verified. Access will be sent to <strong>${escapeHtml(host)}</strong>.</p>
<form method="post"><input type="hidden" name="handle" value="${escapeHtml(handle)}">
${scope.map((one) => `<label><input type="checkbox" name="scope" value="${escapeHtml(one)}" checked> ${escapeHtml(one)}</label>`)}
<button name="decision" value="approve">Allow</button></form>`

const escapeHtml = (value: string) => value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

/** The provider's answer becomes a grant. */
async function complete(oauth: Helpers, request: Asked, code: string): Promise<string> {
  const init = { method: 'POST', body: new URLSearchParams({ code }) }
  const tokens = await (await upstream(new Request('https://provider.example.com/token', init))).json()
  const user = (await (await upstream('https://provider.example.com/user')).json()) as { id: string }
  const { scope } = request
  const granted = { request, userId: user.id, metadata: {}, scope, props: { user, tokens } }
  return (await oauth.completeAuthorization(granted)).redirectTo
}

/** Its application as its documents describe one that signs people in at another provider. */
async function application(http: Request, { OAUTH_PROVIDER: oauth }: Env): Promise<Response> {
  const url = new URL(http.url)
  if (url.pathname === '/callback') {
    const { request, headers } = await oauth.finishUpstream(http)
    return moved(await complete(oauth, request, url.searchParams.get('code')!), headers)
  }
  if (http.method === 'POST') {
    const fields = await http.formData()
    const approved = await oauth.approveConsent(http, String(fields.get('handle')))
    const verifier = crypto.randomUUID() + crypto.randomUUID()
    const started = await oauth.beginUpstream(approved.request, {
      data: { verifier },
      headers: approved.headers,
    })
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const target = `https://provider.example.com/authorize?state=${started.state}&code_challenge=${challenge}`
    return moved(target, started.headers)
  }
  const asked = await oauth.parseAuthRequest(http)
  const { clientName, redirectHost, scope } = await oauth.describeConsent(asked)
  const { handle, headers } = await oauth.beginConsent(asked)
  headers.set('content-type', 'text/html; charset=utf-8')
  return new Response(page(clientName, redirectHost, scope, handle), { headers })
}

/** The same without what keeps other sites and browsers out: no page, and what it has to remember lies in a Map. */
function shortCut(): typeof application {
  const pending = new Map<string, Asked>()
  return async (http, { OAUTH_PROVIDER: oauth }) => {
    const url = new URL(http.url)
    if (url.pathname === '/authorize') {
      const asked = await oauth.parseAuthRequest(http)
      await oauth.lookupClient(asked.clientId)
      const state = crypto.randomUUID()
      pending.set(state, asked)
      return moved(`https://provider.example.com/authorize?state=${state}`)
    }
    const state = url.searchParams.get('state')!
    const asked = pending.get(state)!
    pending.delete(state)
    return moved(await complete(oauth, asked, url.searchParams.get('code')!))
  }
}

/**
 * One Worker that is both its authorization server and its resource.
 *
 * @param short Leaves the consent page out.
 */
export async function workersOauthProvider(origin: string, short = false): Promise<Subject> {
  registerHook(`data:text/javascript,${encodeURIComponent(HOOK)}`)
  const name = '@cloudflare/workers-oauth-provider'
  const { OAuthProvider } = (await import(name)) as { OAuthProvider: new (options: object) => Handling }
  const provider = new OAuthProvider({
    apiRoute: '/mcp',
    apiHandler: { fetch: async () => answer() },
    defaultHandler: { fetch: short ? shortCut() : application },
    authorizeEndpoint: '/authorize',
    tokenEndpoint: '/token',
    clientRegistrationEndpoint: '/register',
    scopesSupported: ['mcp'],
    resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin] },
  })
  const env = { OAUTH_KV: memoryKv() }
  const context = { waitUntil() {}, passThroughOnException() {}, props: {} }
  return {
    name: short ? 'workers-oauth-provider without consent' : 'workers-oauth-provider',
    resource: `${origin}/mcp`,
    fetch: (request) => provider.fetch(request, env, context),
    register: (send) => registerAt(origin, send),
    signIn: (send, clientId) => signIn(origin, send, clientId, short),
    refresh: (send, session) => refreshAt(origin, send, session),
  }
}

async function signIn(origin: string, send: Send, clientId: string, short: boolean): Promise<Session> {
  const authorize = `${origin}/authorize?${authorizeQuery(origin, clientId, { scope: 'mcp' })}`
  let started = await send(new Request(authorize))
  if (!short) {
    const page = await (await expectStatus(started, 200)).text()
    const handle = /name="handle" value="([^"]+)"/.exec(page)![1]!
    const headers = { cookie: cookiesOf(started) }
    started = await send(form(`${origin}/authorize`, { handle, decision: 'approve' }, headers))
  }
  await expectStatus(started, 302)
  const back = new Request(`${origin}/callback?code=upstream-code&state=${answered(started, 'state')}`, {
    headers: { cookie: cookiesOf(started) },
  })
  const returned = await expectStatus(await send(back), 302)
  return redeemAt(origin, send, clientId, answered(returned, 'code'))
}
