/** What every runtime makes of one raw request. */
export interface Case {
  readonly name: string
  /** The bytes, with `PORT` for the proxy's port and `TOKEN` for an access token with the scope `use`. */
  readonly bytes: string
  /** `<status> <error>`, and the request line that the MCP server got, if any. `closed` is a connection without response. */
  readonly expected: string
  /** What some runtimes do instead, each with the reason. */
  readonly except?: Readonly<Partial<Record<Runtime, readonly [outcome: string, reason: string]>>>
  /** Names of fields whose value at the MCP server belongs to the outcome. */
  readonly fields?: readonly string[]
}

export type Runtime = 'Node 20' | 'Node 24' | 'Bun' | 'Deno' | 'workerd'

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
  ['the nested server', '/mcp/admin', '403 insufficient_scope'],
  ['the nested server in capitals', '/mcp/ADMIN', '403 insufficient_scope'],
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
    expected: '403 insufficient_scope',
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
].map(([method, expected]) => ({
  name: `method: ${method}`,
  bytes: request({ method: method!, body: '' }),
  expected: expected!,
}))

const fields: readonly Case[] = [
  { name: 'fields: no token', bytes: request({ token: false }), expected: '401' },
  {
    name: 'fields: two tokens',
    bytes: request({ more: 'Authorization: Bearer other\r\n' }),
    expected: REFUSED,
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
    expected: `${PASSED} forwarded= x-real-ip= x_forwarded_for=`,
    fields: ['forwarded', 'x-real-ip', 'x_forwarded_for'],
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

export const requests: readonly Case[] = [...targets, ...forms, ...authorities, ...methods, ...fields]
