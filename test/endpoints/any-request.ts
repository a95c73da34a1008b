import fc from 'fast-check'

/*
 * Requests of every kind: noise, and requests that are right but for some of their parts. Noise alone would end
 * at the first check.
 */

export const ORIGIN = 'https://proxy.test'
export const REDIRECT = 'http://127.0.0.1:5555/cb'
export const SECRET = 'a secret of the configured client'
export const TOOLS_SECRET = 'a secret of the resource server, long enough'

/** Values only the proxy can make; they are there before the first request, but not when this file is read. */
export const real = { client: '', consent: '', consentCookie: '', state: '', signInCookie: '', signed: '' }

/** A text that is known when the request is made. */
type Late = () => string
const late = (text: string): Late => {
  return () => text
}

export const AUTHORIZE = {
  response_type: 'code',
  client_id: 'known',
  redirect_uri: REDIRECT,
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
}
const CODE = `${'u'.repeat(22)}.${'i'.repeat(22)}.${'s'.repeat(27)}`
const REFRESH = `${'u'.repeat(22)}.${'i'.repeat(22)}.1.${'s'.repeat(43)}`

const anyText = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.webUrl(),
  fc.constantFrom('', '"', '\\', '\r\nx: y', '\0', '<script>', '../..', '%', '%zz', '{}', 'a'.repeat(5000)),
)
const value = fc.oneof(
  anyText.map(late),
  fc
    .constantFrom(
      ...[...Object.values(AUTHORIZE), 'known', SECRET, CODE, REFRESH, 'authorization_code', 'refresh_token'],
      ...['allow', 'mcp', 'openid offline_access', `${ORIGIN}/mcp`, 'plain', 'token', 'cursor://host/cb'],
      ...['https://provider.test', 'javascript:alert(1)', 'v'.repeat(43), 'access_denied', 'server_error'],
    )
    .map(late),
  fc.constantFrom(...(Object.keys(real) as (keyof typeof real)[])).map((name) => () => real[name]),
)

const NAMES = (
  'response_type client_id redirect_uri code_challenge code_challenge_method state scope resource request decision ' +
  'grant_type code code_verifier refresh_token client_secret client_assertion token iss error error_description ' +
  'response_mode __proto__ constructor redirect_uris access_token'
).split(' ')
const name = fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: anyText })

export type Params = readonly (readonly [string, Late])[]
const params: fc.Arbitrary<Params> = fc.array(fc.tuple(name, value), { maxLength: 8 })
const encode = (list: Params): string =>
  new URLSearchParams(list.map(([key, get]) => [key, get()])).toString()

const PATHS = (
  '/ /register /authorize /consent /callback /token /revoke /introspect /jwks /health /mcp /mcp/x /signed ' +
  '/account /account/sign-in /account/sign-out /account/revoke ' +
  '/.well-known/oauth-authorization-server /.well-known/oauth-protected-resource ' +
  '/.well-known/oauth-protected-resource/mcp /.well-known/openid-configuration'
).split(' ')
const ODD_PATHS = '// /%2e%2e/token /token/ /TOKEN /token%00 /mcp%2f /% /a%zz /* /.well-known/ /(a+)+$'.split(
  ' ',
)
const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PATHS) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_PATHS) },
  { weight: 1, arbitrary: fc.webPath() },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }).map((text) => `/${text}`) },
)

const METADATA = fc.record(
  {
    redirect_uris: fc.oneof(
      fc.constant([REDIRECT]),
      fc.array(fc.oneof(fc.constant(REDIRECT), fc.webUrl(), anyText)),
    ),
    client_name: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
    scope: fc.string(),
    grant_types: fc.constantFrom(['authorization_code', 'refresh_token'], ['implicit'], 'code', null),
    token_endpoint_auth_method: fc.oneof(fc.constantFrom('none', 'client_secret_post'), fc.string()),
    logo_uri: fc.oneof(fc.webUrl(), fc.jsonValue()),
    jwks: fc.jsonValue(),
  },
  { requiredKeys: [] },
)
type Body = () => string | Uint8Array<ArrayBuffer>
const body: fc.Arbitrary<Body> = fc.oneof(
  { weight: 6, arbitrary: params.map((list) => () => encode(list)) },
  { weight: 3, arbitrary: METADATA.map((json) => () => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.json().map((text) => () => text) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => () => new Uint8Array(bytes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(20_000, 70_000, 2_000_000).map((size) => () => 'a=&'.repeat(size / 3)),
  },
  { weight: 1, arbitrary: fc.constant(() => `${'['.repeat(8000)}${']'.repeat(8000)}`) },
)

const FORM = 'application/x-www-form-urlencoded'
const BASIC = `Basic ${btoa(`known:${SECRET}`)}`
const authorization = fc.oneof(
  fc.constantFrom(BASIC, 'Basic', 'Bearer', 'basic ', 'Bearer ', 'Basic !!!', `Basic ${btoa('known:')}`),
  fc.constantFrom(`Bearer ${'a'.repeat(20_000)}`, 'Bearer a.b.c.d.e', 'Bearer ü', 'Digest a=b'),
  fc.base64String().map((text) => `Basic ${text}`),
  fc.string().map((text) => `Bearer ${text}`),
)
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')

/** The parts of a signed token, some of them those of a real one. */
const signedToken: fc.Arbitrary<Late> = fc
  .tuple(
    fc.option(
      fc.record(
        {
          alg: fc.constantFrom('RS256', 'none', 'HS256', 'ES256', 'PS256', '', null),
          typ: fc.constantFrom('at+jwt', 'JWT', 'lockgate-identity+jwt', 1),
          kid: fc.oneof(fc.constant('fuzz'), fc.string(), fc.jsonValue()),
          crit: fc.jsonValue(),
          jku: fc.webUrl(),
          x5u: fc.webUrl(),
          jwk: fc.constant({ kty: 'oct', k: 'AAAA' }),
        },
        { requiredKeys: [] },
      ),
    ),
    fc.option(
      fc.oneof(
        fc.record(
          {
            iss: fc.oneof(fc.constant(ORIGIN), fc.jsonValue()),
            aud: fc.oneof(fc.constant(`${ORIGIN}/signed`), fc.jsonValue()),
            exp: fc.oneof(fc.constant(9_999_999_999), fc.jsonValue()),
            gid: fc.oneof(fc.constant(`${'u'.repeat(22)}.${'i'.repeat(22)}`), fc.jsonValue()),
            scope: fc.jsonValue(),
            epoch: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
        fc.jsonValue(),
      ),
    ),
    fc.option(fc.oneof(fc.constant(''), fc.base64String(), fc.string({ unit: 'binary' }))),
    fc.constantFrom('.', '.', '.', '..', ' '),
  )
  .map(([header, payload, signature, dot]) => () => {
    const [own = '', body = '', sign = ''] = real.signed.split('.')
    return [
      header ? encoded(header) : own,
      payload === null ? body : encoded(payload),
      signature ?? sign,
    ].join(dot)
  })

const contentType = fc.constantFrom(
  FORM,
  FORM,
  'application/json',
  '',
  'text/html',
  'multipart/form-data',
  ';',
)
const cookie = fc.oneof(
  fc.constant(() => `${real.consentCookie}; ${real.signInCookie}`),
  fc.string().map((text) => () => `${real.consentCookie}; ${text}`),
  fc.string().map((text) => () => `__Host-lockgate-${text}`),
  fc.string().map(late),
)
const headers = fc.record(
  {
    authorization: fc.oneof(
      authorization.map(late),
      signedToken.map((get) => () => `Bearer ${get().replace(/[^\x20-\x7e]/g, '?')}`),
    ),
    'content-type': contentType.map(late),
    cookie,
    origin: fc.constantFrom('null', ORIGIN, 'https://evil.com', 'http://localhost:1', '', 'x').map(late),
    'sec-fetch-site': fc.constantFrom('same-origin', 'cross-site').map(late),
    accept: fc.oneof(fc.constantFrom('text/html', 'application/json'), fc.string()).map(late),
    'access-control-request-headers': fc.string().map(late),
    'content-length': fc.constantFrom('0', '-1', '99999999999', 'x').map(late),
  },
  { requiredKeys: [] },
)
const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'POST') },
  { weight: 1, arbitrary: fc.constantFrom('HEAD', 'OPTIONS', 'PUT', 'DELETE', 'constructor', '__proto__') },
)

/** A request before it is made. */
interface Draft {
  readonly method: string
  readonly path: string
  readonly query: Params | undefined
  readonly headers: { readonly [name: string]: Late }
  readonly body: Body
}
const noise: fc.Arbitrary<Draft> = fc.record({
  method,
  path,
  query: fc.option(params, { nil: undefined }),
  headers: headers as fc.Arbitrary<Draft['headers']>,
  body,
})

const list = (fields: Record<string, string>): Params =>
  Object.entries(fields).map(([key, text]) => [key, late(text)])
const cookies = { cookie: () => `${real.consentCookie}; ${real.signInCookie}` }
const CONSENT: Params = [['request', () => real.consent], ...list({ decision: 'allow' })]
const ANSWER: Params = [['state', () => real.state], ...list({ code: 'c' })]
const RS = { authorization: late(`Basic ${btoa(`tools:${TOOLS_SECRET}`)}`) }
const RIGHT: readonly { method: string; path: string; params: Params; headers?: Draft['headers'] }[] = [
  { method: 'POST', path: '/introspect', params: [['token', () => real.signed]], headers: RS },
  { method: 'GET', path: '/authorize', params: list(AUTHORIZE) },
  { method: 'POST', path: '/authorize', params: list(AUTHORIZE) },
  { method: 'POST', path: '/consent', params: CONSENT, headers: cookies },
  { method: 'GET', path: '/callback', params: ANSWER, headers: cookies },
  { method: 'POST', path: '/callback', params: ANSWER },
  {
    method: 'POST',
    path: '/token',
    params: list({ grant_type: 'authorization_code', code: CODE, code_verifier: 'v'.repeat(43) }),
    headers: { authorization: late(BASIC) },
  },
  {
    method: 'POST',
    path: '/token',
    params: [
      ['client_id', () => real.client],
      ...list({ grant_type: 'refresh_token', refresh_token: REFRESH }),
    ],
  },
  { method: 'POST', path: '/revoke', params: [['client_id', () => real.client], ...list({ token: CODE })] },
]
const PARTS = ['method', 'path', 'query', 'headers', 'body'] as const
const nearlyRight: fc.Arbitrary<Draft> = fc
  .record({
    right: fc.constantFrom(...RIGHT),
    changes: fc.array(fc.tuple(name, value), { maxLength: 2 }),
    noise,
    wrong: fc.oneof(
      { weight: 3, arbitrary: fc.constant<(keyof Draft)[]>([]) },
      { weight: 1, arbitrary: fc.subarray<keyof Draft>([...PARTS], { maxLength: 2 }) },
    ),
  })
  .map(({ right, changes, noise, wrong }) => {
    const given = [...new Map([...right.params, ...changes])]
    const draft: Draft = {
      method: right.method,
      path: right.path,
      query: right.method === 'GET' ? given : undefined,
      headers: { 'content-type': late(FORM), ...right.headers },
      body: () => encode(given),
    }
    return { ...draft, ...Object.fromEntries(wrong.map((part) => [part, noise[part]])) }
  })

/** A registration, of which one or two members, or all of it, may be anything. */
const registering: fc.Arbitrary<Draft> = fc.tuple(METADATA, fc.option(body)).map(([members, other]) => {
  const given = { redirect_uris: [REDIRECT], ...Object.fromEntries(Object.entries(members).slice(0, 2)) }
  const type = { 'content-type': late('application/json') }
  const text = other ?? (() => JSON.stringify(given))
  return { method: 'POST', path: '/register', query: undefined, headers: type, body: text }
})

/** @returns A request, or nothing where no runtime could have received it. */
function toRequest({ method, path, query, headers, body }: Draft): Request | undefined {
  const hasBody = method !== 'GET' && method !== 'HEAD'
  try {
    return new Request(ORIGIN + path + (query ? `?${encode(query)}` : ''), {
      method,
      headers: Object.entries(headers).map(([key, get]): [string, string] => [key, get()]),
      ...(hasBody && { body: body() }),
    })
  } catch {
    return undefined
  }
}

/** What a failing case is shown as: the request itself, not how it was made. */
const show = (draft: Draft): string => {
  const given = Object.entries(draft.headers).map(([key, get]) => `${key}: ${get()}`)
  const query = draft.query ? `?${encode(draft.query)}` : ''
  const content = draft.body()
  return JSON.stringify([draft.method, draft.path + query, given, content.slice(0, 2000)])
}

/** Any request at all. */
export const anyRequest: fc.Arbitrary<{ make(): Request | undefined; toString(): string }> = fc
  .oneof(
    { weight: 5, arbitrary: noise },
    { weight: 5, arbitrary: nearlyRight },
    { weight: 1, arbitrary: registering },
  )
  .map((draft) => ({ make: () => toRequest(draft), toString: () => show(draft) }))
