import {
  answer,
  answered,
  authorizeQuery,
  expectStatus,
  redeemAt,
  refreshAt,
  type Send,
  type Session,
  type Subject,
  upstream,
} from './subject.ts'

interface Modules {
  issuer(options: object): { fetch(request: Request): Promise<Response> }
  createClient(options: object): { verify(subjects: object, token: string): Promise<{ err?: unknown }> }
  Oauth2Provider(options: object): object
}

/** Its storage as a Map: the one it has for tests keeps a sorted array. */
function mapStorage() {
  const entries = new Map<string, unknown>()
  const name = (key: string[]) => key.join('\u001f')
  return {
    get: async (key: string[]) => entries.get(name(key)),
    set: async (key: string[], value: unknown) => void entries.set(name(key), value),
    remove: async (key: string[]) => void entries.delete(name(key)),
    async *scan(prefix: string[]) {
      for (const [key, value] of entries) if (key.startsWith(name(prefix))) yield [key.split('\u001f'), value]
    },
  }
}

/** Any properties are valid ones. */
const anything = {
  '~standard': { version: 1, vendor: 'bench', validate: (value: unknown) => ({ value }) },
}

/** Its issuer, and an MCP server that checks tokens with its client, by keys it has fetched once. */
export async function openauth(origin: string): Promise<Subject> {
  const root = '@openauthjs/openauth'
  const load = (path: string): Promise<unknown> => import(root + path)
  const modules = Object.assign(
    {},
    await load(''),
    await load('/client'),
    await load('/provider/oauth2'),
  ) as Modules
  // It writes a line for each request, and fetches by the global name only.
  console.log = () => {}
  globalThis.fetch = upstream
  const subjects = { user: anything }
  const issuer = modules.issuer({
    storage: mapStorage(),
    subjects,
    providers: {
      provider: modules.Oauth2Provider({
        clientID: 'client',
        clientSecret: 'secret',
        endpoint: {
          authorization: 'https://provider.example.com/authorize',
          token: 'https://provider.example.com/token',
        },
        scopes: ['profile', 'email'],
      }),
    },
    allow: async () => true,
    async success(
      context: { subject(type: string, value: object): Promise<Response> },
      value: { tokenset: { raw: object } },
    ) {
      const user = (await (await upstream('https://provider.example.com/user')).json()) as object
      return context.subject('user', { ...user, tokens: value.tokenset.raw })
    },
  })
  const client = modules.createClient({
    clientID: 'bench',
    issuer: origin,
    fetch: (url: string) => issuer.fetch(new Request(url)),
  })
  const fetch = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname !== '/mcp') return issuer.fetch(request)
    const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? ''
    return (await client.verify(subjects, token)).err ? new Response(null, { status: 401 }) : answer()
  }
  return {
    name: 'openauth',
    resource: `${origin}/mcp`,
    fetch,
    signIn: (send, clientId) => signIn(origin, send, clientId),
    refresh: (send, session) => refreshAt(origin, send, session),
  }
}

async function signIn(origin: string, send: Send, clientId: string): Promise<Session> {
  const cookies = new Map<string, string>()
  const visit = async (url: string): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await expectStatus(await send(new Request(url, { headers: { cookie } })), 302)
    for (const set of response.headers.getSetCookie()) {
      const [pair = ''] = set.split(';', 1)
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return response
  }
  const query = authorizeQuery(origin, clientId, { provider: 'provider' })
  const start = await visit(`${origin}/authorize?${query}`)
  const toProvider = await visit(new URL(start.headers.get('location')!, origin).href)
  const state = answered(toProvider, 'state')
  const returned = await visit(`${origin}/provider/callback?code=upstream-code&state=${state}`)
  return redeemAt(origin, send, clientId, answered(returned, 'code'))
}
