/** What every runtime makes of one raw request. */
export interface Case {
  readonly name: string
  /** The bytes, with `PORT` for the proxy's port and `TOKEN` for an access token with the scope `use`. */
  readonly bytes: string
  /** `<status> <error>`, and the request line that the MCP server got, if any. `closed` is a connection without response. */
  readonly expected: string
  /** Names of fields whose value at the MCP server belongs to the outcome. */
  readonly fields?: readonly string[]
}

export type Runtime = 'Node 20' | 'Node 24' | 'Node 20, fetch' | 'Bun' | 'Deno' | 'workerd'

const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

interface Parts {
  readonly method?: string
  readonly target?: string
  /** Field lines of the authority. */
  readonly host?: string
  /** More field lines, each with its CRLF. */
  readonly more?: string
  readonly body?: string
  readonly token?: boolean
}

function request({
  method = 'POST',
  target = '/mcp',
  host = 'Host: localhost:PORT\r\n',
  ...rest
}: Parts): string {
  const { more = '', body = method === 'GET' ? '' : BODY, token = true } = rest
  const length =
    /^(content-length|transfer-encoding):/im.test(more) || body === ''
      ? ''
      : `Content-Length: ${body.length}\r\n`
  const authorization = token ? 'Authorization: Bearer TOKEN\r\n' : ''
  return `${method} ${target} HTTP/1.1\r\n${host}Content-Type: application/json\r\n${authorization}${more}${length}\r\n${body}`
}

const PASSED = '200 → POST /mcp'
const REFUSED = '400 invalid_request'

const targets: readonly Case[] = [
  ['the address of a server', '/mcp', PASSED],
  ['an address below it', '/mcp/tools', '200 → POST /mcp/tools'],
  ['a trailing slash', '/mcp/', '200 → POST /mcp/'],
  ['an encoded blank', '/mcp/a%20b', '200 → POST /mcp/a%20b'],
  ['encoded UTF-8', '/mcp/%C3%A4', '200 → POST /mcp/%C3%A4'],
  ['a query', '/mcp?x=1&y=%20', '200 → POST /mcp?x=1&y=%20'],
  ['the nested server, with a token of the other', '/mcp/admin', '401 invalid_token'],
  ['the nested server in capitals', '/mcp/ADMIN', REFUSED],
  ['an encoded letter', '/mcp/%61dmin', REFUSED],
  ['an encoded slash', '/mcp/x%2f..%2fadmin', REFUSED],
  ['an encoded slash before the name', '/mcp%2fadmin', REFUSED],
  ['an encoded backslash', '/mcp/%5cadmin', REFUSED],
  ['an encoded dot segment', '/mcp/%2e%2e/mcp/admin', REFUSED],
  ['a dot segment', '/mcp/x/../admin', REFUSED],
  ['a single dot', '/mcp/./admin', REFUSED],
  ['an empty segment', '/mcp//admin', REFUSED],
  ['a parameter of a segment', '/mcp/admin;x', REFUSED],
  ['an encoded NUL', '/mcp/%00', REFUSED],
  ['an encoded line break', '/mcp/%0d%0a', REFUSED],
  ['an escape that is not one', '/mcp/%zz', REFUSED],
  ['half an escape', '/mcp/%4', REFUSED],
  ['invalid UTF-8 in escapes', '/mcp/%ff', REFUSED],
  ['a backslash', '/mcp\\admin', REFUSED],
  ['raw UTF-8', '/mcp/\u00c3\u00a4', REFUSED],
  ['a raw byte that is no UTF-8', '/mcp/\u0080', REFUSED],
  ['an encoded replacement character', '/mcp/%EF%BF%BD', REFUSED],
  ['a raw byte that is no UTF-8, in the query', '/mcp?a=\u0080', REFUSED],
  ['a raw DEL in the query', '/mcp?a=\u007f', REFUSED],
].map(([name, target, expected]) => ({
  name: `target: ${name}`,
  bytes: request({ target: target! }),
  expected: expected!,
}))

const forms: readonly Case[] = [
  {
    name: 'target: absolute, own authority',
    bytes: request({ target: 'http://localhost:PORT/mcp' }),
    expected: PASSED,
  },
  {
    name: 'target: absolute, own authority, nested server',
    bytes: request({ target: 'http://localhost:PORT/mcp/admin' }),
    expected: '401 invalid_token',
  },
  {
    name: 'target: absolute, another authority',
    bytes: request({ target: 'http://evil.test/mcp' }),
    expected: REFUSED,
  },
  {
    name: 'target: absolute, user information',
    bytes: request({ target: 'http://localhost:PORT@evil.test/mcp' }),
    expected: REFUSED,
  },
  {
    name: 'target: absolute, another scheme',
    bytes: request({ target: 'ftp://localhost:PORT/mcp' }),
    expected: REFUSED,
  },
  {
    name: 'target: two slashes and a host',
    bytes: request({ target: '//evil.test/mcp' }),
    expected: REFUSED,
  },
  {
    name: 'target: an asterisk',
    bytes: request({ method: 'OPTIONS', target: '*', body: '' }),
    expected: REFUSED,
  },
  {
    name: 'target: an authority, to be connected with',
    bytes: request({ method: 'CONNECT', target: 'localhost:PORT', body: '' }),
    expected: REFUSED,
  },
  { name: 'target: a fragment', bytes: request({ target: '/mcp#x' }), expected: REFUSED },
  { name: 'target: without a slash', bytes: request({ target: 'mcp' }), expected: REFUSED },
]

const authorities: readonly Case[] = [
  ['a backslash and a path', 'Host: localhost\\mcp\\admin?\r\n'],
  ['a path', 'Host: localhost:PORT/mcp/admin\r\n'],
  ['a query', 'Host: localhost:PORT?x\r\n'],
  ['a fragment', 'Host: localhost:PORT#x\r\n'],
  ['user information', 'Host: localhost:PORT@evil.test\r\n'],
  ['a blank', 'Host: localhost evil\r\n'],
  ['a port that is none', 'Host: localhost:port\r\n'],
  ['none', ''],
  ['two', 'Host: localhost:PORT\r\nHost: evil.test\r\n'],
].map(([name, host]) => ({ name: `authority: ${name}`, bytes: request({ host: host! }), expected: REFUSED }))

const methods: readonly Case[] = [
  ['GET', '200 → GET /mcp'],
  ['DELETE', '200 → DELETE /mcp'],
  ['PUT', '405 invalid_request'],
  ['PATCH', '405 invalid_request'],
  ['TRACE', '405 invalid_request'],
  ['PROPFIND', '405 invalid_request'],
  ['PURGE', '405 invalid_request'],
  ['QUERY', '405 invalid_request'],
  ['OPTIONS', '204'],
  ['HEAD', '200 → HEAD /mcp'],
].map(([method, expected]) => ({
  name: `method: ${method}`,
  bytes: request({ method: method!, body: '' }),
  expected: expected!,
}))

/** Methods that no endpoint has, at an endpoint that is no MCP server. */
const elsewhere: readonly Case[] = ['TRACE', 'PROPFIND', 'PURGE', 'QUERY', 'PUT'].map((method) => ({
  name: `method: ${method} at /token`,
  bytes: request({ method, target: '/token', body: '' }),
  expected: '405 invalid_request',
}))

const oldest: readonly Case[] = [
  {
    name: 'method: in small letters',
    bytes: request({ method: 'get', body: '' }),
    expected: 'refused',
  },
  {
    name: 'authority: none, from a health check over HTTP/1.0',
    bytes: 'OPTIONS / HTTP/1.0\r\n\r\n',
    expected: REFUSED,
  },
]

const fields: readonly Case[] = [
  { name: 'fields: no token', bytes: request({ token: false }), expected: '401' },
  {
    name: 'fields: two tokens',
    bytes: request({ more: 'Authorization: Bearer other\r\n' }),
    expected: REFUSED,
  },
  {
    name: 'fields: a token and a password',
    bytes: request({ more: 'Authorization: Basic YTpi\r\n' }),
    expected: '401 invalid_token',
  },
  {
    name: 'fields: a cookie of ours and another one',
    bytes: request({ more: 'Cookie: __Host-lockgate-session=secret; lockgate-session=secret; b=2\r\n' }),
    expected: `${PASSED} cookie=b=2`,
    fields: ['cookie'],
  },
  {
    name: 'fields: two cookies, the second of them ours',
    bytes: request({ more: 'Cookie: b=2\r\nCookie: __Host-lockgate-session=secret\r\n' }),
    expected: `${PASSED} cookie=b=2`,
    fields: ['cookie'],
  },
  {
    name: 'fields: two cookies, the first of them ours',
    bytes: request({ more: 'Cookie: lockgate-session=secret\r\nCookie: b=2\r\n' }),
    expected: `${PASSED} cookie=b=2`,
    fields: ['cookie'],
  },
  {
    name: 'fields: a header of ours that the client wants removed',
    bytes: request({ more: 'Connection: x-lockgate-client-id, authorization, close\r\n' }),
    expected: `${PASSED} x-lockgate-client-id=robot`,
    fields: ['x-lockgate-client-id'],
  },
  {
    name: 'fields: an upgrade to a WebSocket',
    bytes: request({
      method: 'GET',
      more: 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    }),
    expected: '200 → GET /mcp upgrade=',
    fields: ['upgrade'],
  },
  {
    name: 'fields: an upgrade to HTTP/2',
    bytes: request({
      more: 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n',
    }),
    expected: `${PASSED} upgrade= http2-settings=`,
    fields: ['upgrade', 'http2-settings'],
  },
  {
    name: 'fields: a range',
    bytes: request({ method: 'GET', more: 'Range: bytes=0-1\r\n' }),
    expected: '200 → GET /mcp range=bytes=0-1',
    fields: ['range'],
  },
  {
    name: 'fields: a coding that the client accepts',
    bytes: request({ more: 'Accept-Encoding: gzip, br, zstd\r\n' }),
    expected: `${PASSED} accept-encoding=identity`,
    fields: ['accept-encoding'],
  },
  {
    name: 'fields: a large one',
    bytes: request({ more: `X-Large: ${'x'.repeat(7000)}\r\n` }),
    expected: PASSED,
  },
  {
    name: 'fields: a hundred',
    bytes: request({ more: Array.from({ length: 90 }, (_, n) => `X-Field-${n}: ${n}\r\n`).join('') }),
    expected: `${PASSED} x-field-89=89`,
    fields: ['x-field-89'],
  },
  {
    name: 'fields: more than any server reads',
    bytes: request({ more: `X-Large: ${'x'.repeat(300_000)}\r\n` }),
    expected: 'refused',
  },
  {
    name: 'fields: bytes beyond ASCII in a value',
    bytes: request({ more: 'X-Name: \u00e4\r\n' }),
    expected: `${PASSED} x-name=\u00e4`,
    fields: ['x-name'],
  },
  {
    name: 'fields: a control character in a value',
    bytes: request({ more: 'X-Name: a\u0000b\r\n' }),
    expected: 'refused',
  },
  {
    name: 'fields: a value over two lines',
    bytes: request({ more: 'X-Name: a\r\n b\r\n' }),
    expected: 'refused',
  },
  {
    name: 'fields: a line break that is half of one',
    bytes: request({ more: 'X-Name: a\nX-Lockgate-User-Id: ceo\r\n' }),
    expected: 'refused',
  },
  {
    name: 'fields: the same length twice',
    bytes: request({ more: `Content-Length: ${BODY.length}\r\nContent-Length: ${BODY.length}\r\n` }),
    expected: 'refused',
  },
  {
    name: 'fields: a length with a sign',
    bytes: request({ more: `Content-Length: +${BODY.length}\r\n` }),
    expected: 'refused',
  },
  {
    name: 'fields: another coding before the chunks',
    bytes: request({
      more: 'Transfer-Encoding: gzip, chunked\r\n',
      body: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
    }),
    expected: 'refused',
  },
  {
    name: 'fields: a transfer coding that is none',
    bytes: request({ more: `Transfer-Encoding: xchunked\r\nContent-Length: ${BODY.length}\r\n` }),
    expected: 'refused',
  },
  {
    name: 'fields: chunks with a trailer',
    bytes: request({
      more: 'Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n',
      body: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nAuthorization: Bearer evil\r\nX-Lockgate-User-Id: ceo\r\n\r\n`,
    }),
    expected: `${PASSED} authorization= trailer= body`,
    fields: ['authorization', 'trailer'],
  },
  {
    name: 'fields: an expectation that is none',
    bytes: request({ more: 'Expect: a miracle\r\n' }),
    expected: `${PASSED} expect=`,
    fields: ['expect'],
  },
  {
    name: 'fields: an empty one',
    bytes: request({ more: 'X-Empty:\r\n' }),
    expected: `${PASSED} x-empty=`,
    fields: ['x-empty'],
  },
  {
    name: 'fields: two of one name',
    bytes: request({ more: 'X-Twice: 1\r\nX-Twice: 2\r\n' }),
    expected: `${PASSED} x-twice=1, 2`,
    fields: ['x-twice'],
  },
  {
    name: 'fields: two cookies',
    bytes: request({ more: 'Cookie: a=1\r\nCookie: b=2\r\n' }),
    expected: `${PASSED} cookie=a=1; b=2`,
    fields: ['cookie'],
  },
  {
    name: 'fields: our own headers in other spellings',
    bytes: request({ more: 'X_Lockgate_User_Id: ceo\r\nX-Lockgate-User_Id: ceo\r\n' }),
    expected: `${PASSED} x_lockgate_user_id= x-lockgate-user_id=`,
    fields: ['x_lockgate_user_id', 'x-lockgate-user_id'],
  },
  {
    name: 'fields: forwarding headers of a client',
    bytes: request({ more: 'Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\n' }),
    expected: `${PASSED} forwarded= x-real-ip=127.0.0.1 x_forwarded_for=`,
    fields: ['forwarded', 'x-real-ip', 'x_forwarded_for'],
  },
  {
    name: 'fields: an address as Cloudflare tells it',
    bytes: request({ more: 'CF-Connecting-IP: 1.2.3.4\r\nCF-Ray: 8a1b2c3d4e5f6071-FRA\r\n' }),
    expected: `${PASSED} cf-connecting-ip= x-real-ip=127.0.0.1 x-forwarded-for=127.0.0.1`,
    fields: ['cf-connecting-ip', 'x-real-ip', 'x-forwarded-for'],
  },
  {
    name: 'fields: hop by hop',
    bytes: request({ more: 'Connection: x-private\r\nX-Private: 1\r\nTE: trailers\r\n' }),
    expected: `${PASSED} x-private= te=`,
    fields: ['x-private', 'te'],
  },
  {
    name: 'fields: two different lengths',
    bytes: request({ more: `Content-Length: ${BODY.length}\r\nContent-Length: 1\r\n` }),
    expected: 'refused',
  },
  {
    name: 'fields: a length and chunks',
    bytes: request({
      more: `Content-Length: 3\r\nTransfer-Encoding: chunked\r\n`,
      body: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
    }),
    expected: 'refused',
  },
  {
    name: 'fields: a blank before the colon',
    bytes: request({ more: 'X-Odd : 1\r\n' }),
    expected: 'refused',
  },
  {
    name: 'fields: chunks',
    bytes: request({
      more: 'Transfer-Encoding: chunked\r\n',
      body: `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
    }),
    expected: `${PASSED} body`,
  },
  {
    name: 'fields: a length',
    bytes: request({}),
    expected: `${PASSED} content-length=${BODY.length}`,
    fields: ['content-length'],
  },
  {
    name: 'fields: Expect',
    bytes: request({ more: 'Expect: 100-continue\r\n' }),
    expected: `${PASSED} expect=`,
    fields: ['expect'],
  },
  {
    name: 'query: access_token beside the header',
    bytes: request({ target: '/mcp?access_token=x' }),
    expected: REFUSED,
  },
  {
    name: 'query: a name that only ends like it',
    bytes: request({ target: '/mcp?my_access_token=x' }),
    expected: '200 → POST /mcp?my_access_token=x',
  },
]

/** Blanks around a token: only spaces may stand there (RFC 9110 §11.4). */
const blanks: readonly Case[] = [
  ['several spaces before', 'Bearer   TOKEN', PASSED],
  ['spaces after', 'Bearer TOKEN  ', PASSED],
  ['a tab after', 'Bearer TOKEN\t', PASSED],
  ['a tab before', 'Bearer \tTOKEN', '401 invalid_token'],
  ['a no-break space before', 'Bearer \u00a0TOKEN', '401 invalid_token'],
  ['a no-break space after', 'Bearer TOKEN\u00a0', '401 invalid_token'],
  ['an em space before', 'Bearer \u00e2\u0080\u0083TOKEN', '401 invalid_token'],
  ['an em space after', 'Bearer TOKEN\u00e2\u0080\u0083', '401 invalid_token'],
  ['a byte order mark before', 'Bearer \u00ef\u00bb\u00bfTOKEN', '401 invalid_token'],
  ['a no-break space for the space', 'Bearer\u00a0TOKEN', '401'],
].map(([name, value, expected]) => ({
  name: `token: ${name}`,
  bytes: request({ token: false, more: `Authorization: ${value}\r\n` }),
  expected: expected!,
}))

const FORM = 'grant_type=client_credentials&scope=use'
const BASIC = btoa('robot:the+secret+of+a+robot')

/** Blanks around a password, at the token endpoint. */
const passwords: readonly Case[] = [
  ['several spaces before', `Basic   ${BASIC}`, '200'],
  ['blanks after', `Basic ${BASIC} \t`, '200'],
  ['a tab before', `Basic \t${BASIC}`, '401 invalid_client'],
  ['a no-break space before', `Basic \u00a0${BASIC}`, '401 invalid_client'],
  ['a no-break space after', `Basic ${BASIC}\u00a0`, '401 invalid_client'],
  ['an em space after', `Basic ${BASIC}\u00e2\u0080\u0083`, '401 invalid_client'],
  ['a space inside', `Basic ${BASIC.slice(0, 8)} ${BASIC.slice(8)}`, '401 invalid_client'],
].map(([name, value, expected]) => ({
  name: `password: ${name}`,
  bytes: `POST /token HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: ${value}\r\nContent-Length: ${FORM.length}\r\n\r\n${FORM}`,
  expected: expected!,
}))

const open: readonly Case[] = [
  ['no credentials', '', '200 → POST /open'],
  ['an empty field of credentials', 'Authorization:\r\n', '200 → POST /open'],
  ['an empty field of credentials, with a blank', 'Authorization: \r\n', '200 → POST /open'],
  ['a scheme alone', 'Authorization: Bearer\r\n', '401'],
  ['a token that is none', 'Authorization: Bearer x\r\n', '401 invalid_token'],
].map(([name, more, expected]) => ({
  name: `open: ${name}`,
  bytes: request({ target: '/open', token: false, more: more! }),
  expected: expected!,
}))

/** The responses of a server in the same process: the statuses and bodies of the Fetch standard. */
const handled: readonly Case[] = [
  ['200 with a body', '?status=200&body=x', '200'],
  ['599', '?status=599', '599'],
  ['204', '?status=204', '204'],
  ['101', '?status=101', '500 server_error'],
  ['199', '?status=199', '500 server_error'],
  ['600', '?status=600', '500 server_error'],
  ['204 with a body', '?status=204&body=x', '500 server_error'],
  ['205 with a body', '?status=205&body=x', '500 server_error'],
  ['304 with a body', '?status=304&body=x', '500 server_error'],
  ['304 with an empty body', '?status=304&body=', '500 server_error'],
].map(([name, query, expected]) => ({
  name: `handler: ${name}`,
  bytes: request({ target: `/odd${query}`, token: false }),
  expected: expected!,
}))

const forwardAuth: readonly Case[] = [
  ['the address of a server', '/mcp', '200'],
  ['an absolute address with another host', 'http://evil.test/mcp', REFUSED],
  ['an absolute address with the own host', 'http://localhost:PORT/mcp', REFUSED],
  ['two slashes and a host', '//evil.test/mcp', REFUSED],
].map(([name, uri, expected]) => ({
  name: `forward auth: ${name}`,
  bytes: request({
    method: 'GET',
    target: '/forward-auth',
    more: `X-Forwarded-Method: POST\r\nX-Forwarded-Uri: ${uri}\r\nX-Forwarded-Host: localhost:PORT\r\n`,
  }),
  expected: expected!,
}))

export const requests: readonly Case[] = [
  ...targets,
  ...forms,
  ...authorities,
  ...methods,
  ...elsewhere,
  ...oldest,
  ...fields,
  ...blanks,
  ...passwords,
  ...open,
  ...handled,
  ...forwardAuth,
]
