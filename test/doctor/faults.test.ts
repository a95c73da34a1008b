import type { ProxyOptions } from 'lockgate'
import { diagnose } from 'lockgate/doctor'
import { afterEach, describe, expect, test } from 'vitest'
import { at, type Fault, type Front, fetchWith, startFront, withHeaders, withJson, wrong } from './front.ts'

let front: Front | undefined
afterEach(async () => {
  await front?.close()
  front = undefined
})

const SERVER = '/.well-known/oauth-authorization-server'
const RESOURCE = /^\/\.well-known\/oauth-protected-resource/
const page = (status = 200) =>
  new Response('<!doctype html><title>App</title>', { status, headers: { 'content-type': 'text/html' } })

/** The metadata of the server with one member changed; `undefined` leaves it out. */
const server = (changes: Record<string, unknown>) =>
  at(SERVER, (response) => withJson(response, (json) => ({ ...json, ...changes })))
const resource = (changes: Record<string, unknown>) =>
  at(RESOURCE, (response) => withJson(response, (json) => ({ ...json, ...changes })))

/** Registrations that fulfil a condition get another answer. */
const register = (
  condition: (redirectUris: string[], body: Record<string, unknown>) => boolean,
  answer: (response: Response) => Response | Promise<Response>,
): Fault =>
  async function spoil(request, pass) {
    const { pathname } = new URL(request.url)
    if (pathname !== '/register' || request.method !== 'POST') return pass(request)
    const body = (await request.clone().json()) as Record<string, unknown>
    return condition(body.redirect_uris as string[], body) ? answer(await pass(request)) : pass(request)
  }
const refusal = (error: string, status = 400) => Response.json({ error }, { status })

interface Planted {
  readonly fault?: Fault
  readonly options?: Partial<ProxyOptions> & { https?: boolean }
  /** What is found, and nothing else: `fail` unless it says `warn`. */
  readonly found: readonly string[]
  /** In the fix of the first. */
  readonly fix: RegExp
  /** Who does not get through, where not everybody. */
  readonly clients?: readonly string[]
}

const EVERYBODY = ['Claude', 'ChatGPT', 'VS Code', 'Cursor', 'mcp-remote', 'MCP Inspector']

const PLANTED: Readonly<Record<string, Planted>> = {
  'another issuer': {
    fault: server({ issuer: 'https://id.example.com' }),
    found: ['server.issuer'],
    fix: /Spell the issuer the same/,
  },
  'a trailing slash behind the issuer': {
    fault: at(SERVER, (response) => withJson(response, (json) => ({ ...json, issuer: `${json.issuer}/` }))),
    found: ['server.issuer'],
    fix: /trailing slash/,
  },
  'no word of S256': {
    fault: server({ code_challenge_methods_supported: undefined }),
    found: ['pkce'],
    fix: /code_challenge_methods_supported/,
  },
  'plain instead of S256': {
    fault: server({ code_challenge_methods_supported: ['plain'] }),
    found: ['pkce'],
    fix: /S256/,
  },
  'no CORS at all': {
    fault: async (request, pass) =>
      withHeaders(await pass(request), {
        'access-control-allow-origin': undefined,
        'access-control-allow-headers': undefined,
        'access-control-expose-headers': undefined,
      }),
    found: ['cors.resource', 'cors.server', 'cors.register', 'cors.token', 'cors.mcp', 'cors.exposed'],
    fix: /Answer OPTIONS/,
    clients: ['MCP Inspector'],
  },
  'a challenge that no page may read': {
    fault: at('/mcp', (response) => withHeaders(response, { 'access-control-expose-headers': undefined })),
    found: ['warn cors.exposed'],
    fix: /Expose WWW-Authenticate/,
    clients: [],
  },
  'a preflight that asks for a token': {
    fault: async (request, pass) => {
      const asks = request.method === 'OPTIONS' && new URL(request.url).pathname === '/mcp'
      return asks ? refusal('invalid_token', 401) : pass(request)
    },
    found: ['cors.mcp'],
    fix: /without asking for a token/,
    clients: ['MCP Inspector'],
  },
  'a page for each unknown address': {
    fault: async (request, pass) => {
      const response = await pass(request)
      return response.status === 404 ? page() : response
    },
    found: ['well-known.server', 'well-known.unknown'],
    fix: /404/,
  },
  'half an OpenID Connect document': {
    fault: at('/.well-known/openid-configuration', (_response, { url }) =>
      Response.json({ issuer: new URL(url).origin, authorization_endpoint: url, token_endpoint: url }),
    ),
    found: ['well-known.server'],
    fix: /OpenID Connect/,
  },
  'an error page of the server at a well-known address': {
    fault: at('/.well-known/openid-configuration', () => page(502)),
    found: ['well-known.server'],
    fix: /404/,
  },
  'another resource': {
    fault: resource({ resource: 'https://mcp.example.com/other' }),
    found: ['resource.identifier'],
    fix: /`resource`/,
  },
  'no authorization server named': {
    fault: resource({ authorization_servers: undefined }),
    found: ['resource.servers'],
    fix: /authorization_servers/,
  },
  'no WWW-Authenticate': {
    fault: at('/mcp', (response) => withHeaders(response, { 'www-authenticate': undefined })),
    found: ['challenge.pointer'],
    fix: /each 401/,
    clients: [],
  },
  'a pointer that leads nowhere': {
    fault: at('/mcp', (response, { url }) =>
      withHeaders(response, {
        'www-authenticate': `Bearer resource_metadata="${new URL('/.well-known/nowhere', url).href}"`,
      }),
    ),
    found: ['challenge.target'],
    fix: /really served/,
  },
  'a server that asks for no token': {
    fault: at(
      '/mcp',
      ({ status, headers, body }) => new Response(body, { status: status === 401 ? 200 : status, headers }),
    ),
    found: ['challenge.status'],
    fix: /nothing before the check/,
  },
  'a metadata redirect to another host': {
    fault: at(SERVER, () =>
      Response.redirect('https://id.example.com/.well-known/oauth-authorization-server', 302),
    ),
    found: ['server.document', 'well-known.server'],
    fix: /Serve the metadata/,
  },
  'a redirect of the metadata at the root': {
    fault: at('/.well-known/oauth-protected-resource', (_response, { url }) =>
      Response.redirect(new URL('/', url).href, 302),
    ),
    found: ['resource.paths'],
    fix: /no redirect/,
  },
  'http addresses behind https': {
    fault: async (request, pass) => {
      const response = withHeaders(await pass(request), { 'strict-transport-security': 'max-age=31536000' })
      if (request.method !== 'GET' || new URL(request.url).pathname !== SERVER) return response
      return withJson(response, (json) => ({
        ...json,
        authorization_endpoint: (json.authorization_endpoint as string).replace('https:', 'http:'),
      }))
    },
    options: { https: true },
    found: ['transport.urls', 'authorize.client', 'authorize.redirect'],
    fix: /public address/,
  },
  'no HSTS': { options: { https: true }, found: ['warn transport.hsts'], fix: /add the header/, clients: [] },
  'metadata kept for a year': {
    fault: at(SERVER, (response) =>
      withHeaders(response, { 'cache-control': 'public, max-age=31536000, immutable' }),
    ),
    found: ['metadata.caching'],
    fix: /Shorten max-age/,
    clients: [],
  },
  'metadata that is never kept': {
    fault: at(SERVER, (response) => withHeaders(response, { 'cache-control': 'no-store' })),
    found: ['warn metadata.caching'],
    fix: /be cached/,
    clients: [],
  },
  'token errors that caches keep': {
    fault: at('/token', (response) => withHeaders(response, { 'cache-control': 'public, max-age=600' })),
    found: ['token.caching'],
    fix: /no-store/,
    clients: [],
  },
  'a clock ten minutes off': {
    fault: async (request, pass) =>
      withHeaders(await pass(request), { date: new Date(Date.now() + 600_000).toUTCString() }),
    found: ['clock'],
    fix: /NTP/,
    clients: [],
  },
  'a clock ten minutes behind': {
    fault: async (request, pass) =>
      withHeaders(await pass(request), { date: new Date(Date.now() - 600_000).toUTCString() }),
    found: ['clock'],
    fix: /NTP/,
    clients: [],
  },
  'a broken registration': {
    fault: register(
      () => true,
      () => page(500),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.way', 'register.loopback', 'register.schemes', 'register.hosted'],
    fix: /look at its log/,
  },
  'a broken registration where documents are accepted': {
    fault: register(
      () => true,
      () => page(500),
    ),
    found: ['register.way', 'register.loopback', 'register.schemes', 'register.hosted'],
    fix: /look at its log/,
    clients: ['Cursor', 'mcp-remote', 'MCP Inspector'],
  },
  'too many registrations': {
    fault: register(
      () => true,
      () => refusal('too_many_requests', 429),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.way', 'register.loopback', 'register.schemes', 'register.hosted'],
    fix: /twice within a second/,
  },
  'no way to register': {
    options: { registration: 'off', clientDocuments: { accept: false } },
    found: ['register.way'],
    fix: /`registration`/,
  },
  'metadata documents instead of registration': {
    options: { registration: 'off' },
    found: ['warn register.endpoint'],
    fix: /`registration`/,
    clients: ['Cursor', 'mcp-remote', 'MCP Inspector'],
  },
  'loopback addresses refused': {
    fault: register(
      (uris) => uris.some((uri) => uri.startsWith('http://127.')),
      () => refusal('invalid_redirect_uri'),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.loopback'],
    fix: /127\.0\.0\.1/,
    clients: ['VS Code', 'mcp-remote', 'MCP Inspector'],
  },
  'schemes of apps refused': {
    options: { redirectUris: { customSchemes: false } },
    found: ['register.schemes'],
    fix: /redirectUris\.customSchemes/,
    clients: ['Cursor'],
  },
  'https and loopback addresses only apart': {
    fault: register(
      (uris) =>
        uris.some((uri) => uri.startsWith('https:')) && uris.some((uri) => uri.startsWith('http://127.')),
      () => refusal('invalid_redirect_uri'),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.mixed'],
    fix: /VS Code/,
    clients: ['VS Code'],
  },
  'one method refused': {
    fault: register(
      (_uris, body) => body.token_endpoint_auth_method === 'client_secret_post',
      () => refusal('invalid_client_metadata'),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.hosted'],
    fix: /token_endpoint_auth_method/,
    clients: ['Claude', 'ChatGPT'],
  },
  'null in the answer to a registration': {
    fault: register(
      () => true,
      (response) => withJson(response, (json) => ({ ...json, client_uri: null })),
    ),
    options: { clientDocuments: { accept: false } },
    found: ['register.answer'],
    fix: /leave out what is absent/,
  },
  'an unsafe redirect URI accepted': {
    fault: register(
      (uris) => uris.some((uri) => uri.startsWith('http://callback.')),
      () =>
        Response.json({ client_id: 'x', redirect_uris: ['http://callback.example.com/'] }, { status: 201 }),
    ),
    found: ['register.refuses'],
    fix: /in the clear/,
    clients: [],
  },
  'token errors as a page': {
    fault: at('/token', (response) =>
      withHeaders(page(403), { 'cache-control': response.headers.get('cache-control')! }),
    ),
    found: ['token.error'],
    fix: /error page/,
  },
  'a token endpoint that breaks': {
    fault: at('/token', (response, { method }) =>
      method === 'POST'
        ? withHeaders(refusal('server_error', 500), { 'cache-control': 'no-store' })
        : response,
    ),
    found: ['token.error'],
    fix: /400 or 401/,
  },
  'another word for an unknown client': {
    fault: at('/token', (response, { method }) =>
      method === 'POST' ? withHeaders(refusal('invalid_grant'), { 'cache-control': 'no-store' }) : response,
    ),
    found: ['token.error'],
    fix: /register again/,
  },
  'a token endpoint that answers GET': {
    fault: at('/token', (response, { method }) => (method === 'GET' ? page() : response)),
    found: ['token.get'],
    fix: /405/,
    clients: [],
  },
  'a redirect to wherever a link says': {
    fault: at('/authorize', (_response, { url }) =>
      Response.redirect(`${new URL(url).searchParams.get('redirect_uri')}?error=unauthorized_client`, 302),
    ),
    found: ['authorize.client', 'authorize.redirect'],
    fix: /wherever a link says/,
    clients: [],
  },
  'an authorization endpoint that breaks': {
    fault: at('/authorize', () => page(500)),
    found: ['authorize.client', 'authorize.redirect'],
    fix: /says what is wrong/,
    clients: [],
  },
  'pages of strangers let in': {
    fault: (request, pass) => {
      const headers = new Headers(request.headers)
      if (headers.get('origin') !== 'https://page.example.com') return pass(request)
      return Response.json({ jsonrpc: '2.0', id: 1, result: {} })
    },
    found: ['warn origin'],
    fix: /`origins`/,
    clients: [],
  },
  'offline_access asked for by the resource': {
    fault: resource({ scopes_supported: ['mcp', 'offline_access'] }),
    found: ['warn server.scopes'],
    fix: /Take offline_access out/,
    clients: [],
  },
  'a scope that only the resource knows': {
    fault: resource({ scopes_supported: ['mcp', 'other'] }),
    found: ['warn server.scopes'],
    fix: /List the scopes/,
    clients: [],
  },
  'no word of refresh tokens': {
    fault: server({ grant_types_supported: ['authorization_code'] }),
    found: ['warn server.refresh'],
    fix: /refresh_token/,
    clients: [],
  },
  'no public clients': {
    fault: server({ token_endpoint_auth_methods_supported: ['client_secret_basic'] }),
    found: ['warn server.auth-methods'],
    fix: /"none"/,
    clients: [],
  },
  'no word of iss': {
    fault: server({ authorization_response_iss_parameter_supported: undefined }),
    found: ['warn server.iss'],
    fix: /RFC 9207/,
    clients: [],
  },
  'a flag that is a text': {
    fault: server({ client_id_metadata_document_supported: 'true' }),
    found: ['warn documents'],
    fix: /boolean/,
    clients: [],
  },
  'another response type': {
    fault: server({ response_types_supported: ['token'] }),
    found: ['server.response-types'],
    fix: /"code"/,
  },
}

describe('each planted fault is found, alone, with what to do', () => {
  test.each(Object.entries(PLANTED))('%s', async (_name, { fault, options, found, fix, clients }) => {
    front = await startFront(fault, options)
    const examination = await front.doctor()
    const problems = wrong(examination)
    expect(problems.map(({ id, status }) => (status === 'warn' ? `warn ${id}` : id))).toEqual(found)
    expect(problems[0]!.fix).toMatch(fix)
    for (const problem of problems) {
      for (const text of [problem.seen, problem.expected, problem.fix])
        expect(text?.length).toBeGreaterThan(1)
    }
    const stuck = examination.clients.filter(({ failing }) => failing.length > 0).map(({ client }) => client)
    expect(stuck).toEqual(clients ?? EVERYBODY)
  })
})

test('http under a public name is found', async () => {
  front = await startFront()
  const examination = await diagnose(`http://mcp.example.com:${front.port}/mcp`, {
    fetch: fetchWith(),
    timeout: 5000,
    agent: 'lockgate-doctor/test',
    // This name has no address here, and its documents lead to this machine.
    allowPrivateAddresses: true,
  })
  expect(wrong(examination)[0]).toMatchObject({ id: 'transport.https', fix: expect.stringContaining('TLS') })
})
