import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { createProxy, type ProxyEvent, type Store } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { AUTHORIZE, ORIGIN, REDIRECT, real, SECRET, TOOLS_SECRET } from './any-request.ts'

const PROVIDER = 'https://provider.test'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

let writes = 0
const events: ProxyEvent[] = []

function counted(store: Store): Store {
  const count = <A extends unknown[], R>(write: (...args: A) => R) => {
    return (...args: A): R => {
      writes++
      return write(...args)
    }
  }
  return { ...store, set: count(store.set), swap: count(store.swap), delete: count(store.delete) }
}

/** What the provider says of itself. */
const DISCOVERY = {
  issuer: PROVIDER,
  authorization_endpoint: `${PROVIDER}/auth`,
  token_endpoint: `${PROVIDER}/token`,
  jwks_uri: `${PROVIDER}/jwks`,
  scopes_supported: ['openid', 'offline_access'],
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
}

const proxy = createProxy({
  url: ORIGIN,
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({ issuer: PROVIDER, clientId: 'proxy', clientSecret: 'the provider knows it' }),
  storage: counted(memory()),
  mcp: [
    { path: '/mcp', handler: () => new Response('behind the guard') },
    { path: '/signed', handler: () => new Response('behind the guard'), accessToken: { format: 'jwt' } },
  ],
  signing: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'fuzz' }] },
  resourceServers: [{ id: 'tools', secret: TOOLS_SECRET, resources: [`${ORIGIN}/mcp`, `${ORIGIN}/signed`] }],
  clients: [{ clientId: 'known', clientSecret: SECRET, redirectUris: [REDIRECT, 'cursor://host/cb'] }],
  on: { event: (event) => events.push(event) },
  // Whoever refuses a request for its number has not looked at what is in it.
  limits: { address: 1e9, client: 1e9, user: 1e9, failures: 1e9 },
  // The provider answers discovery, and knows no code.
  fetch: async (url) =>
    url.includes('/.well-known/')
      ? Response.json(DISCOVERY)
      : Response.json({ error: 'invalid_grant' }, { status: 400 }),
})

/** Makes what only the proxy can make. */
export async function prepare(): Promise<void> {
  const call = (path: string, init?: RequestInit) => proxy.fetch(new Request(ORIGIN + path, init))
  const cookieOf = (response: Response) => response.headers.getSetCookie().at(-1)!.split(';', 1)[0]!
  const registered = await call('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  })
  // Its signature is right, and its grant does not exist.
  const key = { user: 'u'.repeat(22), id: 'i'.repeat(22) }
  const claims = {
    client_id: 'known',
    scope: 'mcp',
    gid: `${key.user}.${key.id}`,
    epoch: 0,
    jti: 'j',
    sub: key.user,
  }
  real.signed = await new SignJWT({
    ...claims,
    iss: ORIGIN,
    aud: `${ORIGIN}/signed`,
    iat: 1,
    exp: 9_999_999_999,
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'fuzz', typ: 'at+jwt' })
    .sign(privateKey)
  real.client = ((await registered.json()) as { client_id: string }).client_id
  const consent = await call(`/authorize?${new URLSearchParams(AUTHORIZE)}`)
  real.consentCookie = cookieOf(consent)
  real.consent = /name="request" value="([^"]+)"/.exec(await consent.text())![1]!
  const started = await call('/consent', {
    method: 'POST',
    headers: { cookie: real.consentCookie },
    body: new URLSearchParams({ request: real.consent, decision: 'allow' }),
  })
  real.signInCookie = cookieOf(started)
  real.state = new URL(started.headers.get('location')!).searchParams.get('state')!
}

const CODES = (
  'invalid_request unauthorized_client unsupported_response_type unsupported_grant_type invalid_scope invalid_grant ' +
  'invalid_target invalid_redirect_uri invalid_client_metadata invalid_client invalid_token access_denied ' +
  'insufficient_scope server_error temporarily_unavailable not_found'
).split(' ')

/** RFC 6749 §5.2: the characters of an `error_description`. */
const PUBLIC_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/
const EXCEPTION =
  /(Type|Syntax|Range|URI|Reference|OAuth|Vali|JOSE|JW[ET])Error|is not (a function|iterable|valid JSON)|of (undefined|null)|\bat \S+ \(|node_modules|\.ts:\d/
const PAGE_HEADERS: Record<string, RegExp> = {
  'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^same-origin$/,
  'x-content-type-options': /^nosniff$/,
  'cache-control': /^no-store$/,
}

function checkError(error: unknown, description: unknown): void {
  assert.ok(CODES.includes(String(error)), `the code ${error}`)
  assert.match(String(description), PUBLIC_TEXT)
  assert.doesNotMatch(String(description), EXCEPTION)
}

function checkRedirect(location: string, status: number): void {
  const { origin, protocol, searchParams } = new URL(location)
  assert.equal(status, 303)
  const target = origin === 'null' ? protocol : origin
  assert.ok(['http://127.0.0.1:5555', ORIGIN, PROVIDER, 'cursor:'].includes(target), `sent to ${target}`)
  // What is addressed to ourselves are the provider's words on their way round.
  const { error, error_description: description } = Object.fromEntries(searchParams)
  if (origin !== ORIGIN && error !== undefined) checkError(error, description)
}

/** An answer is a redirect, a page, JSON, or nothing with a status that says enough. */
function checkAnswer({ status, headers }: Response, text: string): void {
  assert.ok(status < 500, `status ${status}`)
  const [type, location] = [headers.get('content-type'), headers.get('location')]
  if (location !== null) checkRedirect(location, status)
  else if (type?.startsWith('text/html')) {
    for (const [key, pattern] of Object.entries(PAGE_HEADERS)) assert.match(headers.get(key) ?? '', pattern)
    // The one script there may be is ours, named in the page's own policy.
    const scriptless = text.replace(/<script>(.*)<\/script>(?=<\/body>)/, (_whole, source: string) => {
      const hash = createHash('sha256').update(source).digest('base64')
      assert.ok(headers.get('content-security-policy')?.includes(`script-src 'sha256-${hash}';`))
      return ''
    })
    assert.doesNotMatch(scriptless, /<script|<img|<link|javascript:[^"]*"/)
  } else if (type === 'application/json' && text !== '') {
    const json = JSON.parse(text) as Record<string, unknown>
    if (status >= 400) checkError(json.error, json.error_description)
    else assert.ok(!('error' in json))
  } else {
    assert.equal(text, '', `a body of the type ${type}`)
    assert.ok([200, 204, 401].includes(status), `an empty answer with status ${status}`)
  }
}

/**
 * Whatever the request, its answer is a right one, and nothing is written: nobody has signed in.
 *
 * @returns Method, path and status, to see what was reached.
 */
export async function answerHolds(request: Request): Promise<string> {
  events.length = 0
  const response = await proxy.fetch(request)
  checkAnswer(response, await response.text())
  assert.equal(writes, 0, 'something was written')
  // That the provider knows no code is the one failure there may be.
  const failed = events.filter(({ type, endpoint }) => type === 'failed' && endpoint !== '/callback')
  assert.deepEqual(failed, [])
  return `${request.method} ${new URL(request.url).pathname} ${response.status}`
}
