import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { zstd } from './zstd.ts'

/** A raw response of the MCP server, and what the client must get. */
export interface AnswerCase {
  readonly name: string
  readonly bytes: Buffer
  /** The response to the request that a redirect leads to. */
  readonly after?: Buffer
  /** The method of the request. POST by default. */
  readonly method?: string
  /** `<status> <readable body>`; `cut` is a response that the client can tell is not whole. */
  readonly expected: string
  /** Names of fields whose value at the client belongs to the outcome. */
  readonly fields?: readonly string[]
  /** Compares how many fields of each name there are, and not their values. */
  readonly counts?: boolean
}

export const TEXT = 'a text of the MCP server, long enough to be worth packing, packing, packing'
const EVENTS = 'data: 1\n\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
/** Bytes that are no text, as a picture is. */
const BINARY = Buffer.from(Array.from({ length: 240 }, (_, index) => (index * 89 + 137) % 256))

const response = (status: string, fields: string, body: string | Buffer = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${fields}\r\n`, 'latin1'),
    typeof body === 'string' ? Buffer.from(body) : body,
  ])

const chunked = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => {
      const bytes = Buffer.from(part)
      return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]
    }),
    Buffer.from('0\r\n\r\n'),
  ])

const CODINGS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  GZIP: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  zstd,
  identity: (body) => body,
  'x-unknown': (body) => body,
  'gzip, br': (body) => brotliCompressSync(gzipSync(body)),
  'deflate, gzip': (body) => gzipSync(deflateSync(body)),
}

/** Every coding, of a text, of bytes and of an event stream in pieces. */
const coded: readonly AnswerCase[] = Object.entries(CODINGS).flatMap(([coding, pack]): AnswerCase[] => {
  const [text, events, binary] = [pack(Buffer.from(TEXT)), pack(Buffer.from(EVENTS)), pack(BINARY)]
  const plain = (type: string, body: Buffer) =>
    response(
      '200 OK',
      `content-type: ${type}\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.length}\r\n`,
      body,
    )
  const half = Math.floor(events.length / 2)
  return [
    { name: `coding: ${coding}`, bytes: plain('text/plain', text), expected: `200 ${TEXT}` },
    {
      name: `coding: ${coding}, bytes`,
      bytes: plain('application/octet-stream', binary),
      expected: `200 ${BINARY}`,
    },
    {
      name: `events: ${coding}`,
      bytes: response(
        '200 OK',
        `content-type: text/event-stream\r\ncontent-encoding: ${coding}\r\ntransfer-encoding: chunked\r\n`,
        chunked(events.subarray(0, half), events.subarray(half)),
      ),
      expected: `200 ${EVENTS}`,
    },
    {
      name: `coding: ${coding}, HEAD`,
      method: 'HEAD',
      bytes: plain('text/plain', text),
      expected: '200',
    },
  ]
})

const codings: readonly AnswerCase[] = [
  ...coded,
  {
    name: 'coding: none',
    bytes: response('200 OK', 'content-length: 2\r\n', 'ok'),
    expected: '200 ok content-encoding=',
    fields: ['content-encoding'],
  },
  {
    name: 'coding: deflate without its header, as some servers send it',
    bytes: response(
      '200 OK',
      `content-encoding: deflate\r\ncontent-length: ${deflateRawSync(TEXT).length}\r\n`,
      deflateRawSync(TEXT),
    ),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'coding: named in two fields',
    bytes: response(
      '200 OK',
      'content-encoding: deflate\r\ncontent-encoding: gzip\r\nconnection: close\r\n',
      gzipSync(deflateSync(TEXT)),
    ),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'coding: gzip, of nothing',
    bytes: response('200 OK', 'content-encoding: gzip\r\ncontent-length: 0\r\n'),
    expected: '200',
  },
  {
    name: 'coding: gzip, of a 304',
    bytes: response('304 Not Modified', 'content-encoding: gzip\r\netag: "1"\r\n'),
    expected: '304',
  },
  {
    name: 'coding: gzip, cut in the middle',
    bytes: response(
      '200 OK',
      'content-encoding: gzip\r\ncontent-length: 500\r\n',
      gzipSync(TEXT).subarray(0, 30),
    ),
    expected: 'cut',
  },
]

const statuses: readonly AnswerCase[] = [
  ['200 OK', '200 ok'],
  ['202 Accepted', '202 ok'],
  ['206 Partial Content', '206 ok'],
  ['299 Odd', '299 ok'],
  ['300 Choices', '300 ok'],
  ['404 Not Found', '404 ok'],
  ['418 Teapot', '418 ok'],
  ['451 Unavailable', '451 ok'],
  ['503 Busy', '503 ok'],
  ['599 Odd', '599 ok'],
  ['099 Odd', '502 bad_gateway'],
  ['600 Odder', '502 bad_gateway'],
  ['999 Oddest', '502 bad_gateway'],
].map(([status, expected]) => ({
  name: `status: ${status!.slice(0, 3)}`,
  bytes: response(status!, 'content-type: text/plain\r\ncontent-length: 2\r\n', 'ok'),
  expected: expected!,
}))

const emptyStatuses: readonly AnswerCase[] = [
  { name: 'status: 204', bytes: response('204 No Content', ''), expected: '204' },
  { name: 'status: 205', bytes: response('205 Reset', 'content-length: 0\r\n'), expected: '205' },
  { name: 'status: 304', bytes: response('304 Not Modified', 'etag: "1"\r\n'), expected: '304' },
  { name: 'status: 401', bytes: response('401 No', 'content-length: 0\r\n'), expected: '502 bad_gateway' },
  { name: 'status: 407', bytes: response('407 No', 'content-length: 0\r\n'), expected: '502 bad_gateway' },
  {
    name: 'status: a redirect elsewhere',
    bytes: response('302 Found', 'location: https://evil.test/\r\ncontent-length: 0\r\n'),
    expected: '302 location=https://evil.test/',
    fields: ['location'],
  },
]

const redirect = (status: string, location: string): Buffer =>
  response(status, `location: ${location}\r\ncontent-length: 0\r\n`)
const OK = response('200 OK', 'content-type: text/plain\r\ncontent-length: 2\r\n', 'ok')

/** `BEHIND` is the origin of the MCP server, and `http://localhost:PORT` that of the proxy. */
const redirects: readonly AnswerCase[] = [
  ['307 to a slash', redirect('307 Slash', 'BEHIND/mcp/'), '200 ok → POST /mcp/ {}', OK],
  ['308 to a slash', redirect('308 Slash', 'BEHIND/mcp/'), '200 ok → POST /mcp/ {}', OK],
  ['307, relative', redirect('307 Slash', '/mcp/'), '200 ok → POST /mcp/ {}', OK],
  ['307 for ever', redirect('307 Loop', 'BEHIND/mcp/x'), '307 location=http://localhost:PORT/mcp/x'],
  ['302 to a slash', redirect('302 Slash', 'BEHIND/mcp/'), '302 location=http://localhost:PORT/mcp/'],
  [
    '301 with a query',
    redirect('301 Moved', 'BEHIND/mcp/x?a=1'),
    '301 location=http://localhost:PORT/mcp/x?a=1',
  ],
  ['303, relative', redirect('303 Other', 'x'), '502 bad_gateway'],
  ['307 outside the server', redirect('307 Out', 'BEHIND/other'), '502 bad_gateway'],
  ['307 to a name that only begins alike', redirect('307 Out', 'BEHIND/mcpx'), '502 bad_gateway'],
  [
    '307 to another host',
    redirect('307 Out', 'https://evil.test/mcp/'),
    '307 location=https://evil.test/mcp/',
  ],
].map(([name, bytes, expected, after]) => ({
  name: `redirect: ${name}`,
  bytes: bytes as Buffer,
  expected: expected as string,
  ...(after ? { after: after as Buffer } : { fields: ['location'] }),
}))

const interim = (first: string): Buffer =>
  Buffer.concat([response(first, 'link: </x>\r\n'), response('200 OK', 'content-length: 2\r\n', 'ok')])

const interims: readonly AnswerCase[] = [
  { name: 'interim: 100 before 200', bytes: interim('100 Continue'), expected: '200 ok' },
  { name: 'interim: 102 before 200', bytes: interim('102 Processing'), expected: '200 ok' },
  { name: 'interim: 103 before 200', bytes: interim('103 Early Hints'), expected: '200 ok' },
  {
    name: 'interim: 103 and nothing else',
    bytes: response('103 Early Hints', 'link: </x>\r\n'),
    expected: '502 bad_gateway',
  },
  {
    name: 'interim: 101 that was not asked for',
    bytes: response('101 Switching', 'connection: upgrade\r\nupgrade: websocket\r\n'),
    expected: '502 bad_gateway',
  },
]

const lengths: readonly AnswerCase[] = [
  {
    name: 'length: none',
    bytes: response('200 OK', 'content-type: text/plain\r\nconnection: close\r\n', TEXT),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'length: chunks',
    bytes: response('200 OK', 'transfer-encoding: chunked\r\n', chunked(TEXT)),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'length: chunks and a trailer',
    bytes: response(
      '200 OK',
      'transfer-encoding: chunked\r\ntrailer: set-cookie\r\n',
      `${TEXT.length.toString(16)}\r\n${TEXT}\r\n0\r\nset-cookie: a=1\r\n\r\n`,
    ),
    expected: `200 ${TEXT} set-cookie= trailer=`,
    fields: ['set-cookie', 'trailer'],
  },
  {
    name: 'length: chunks beside a length that is too small',
    bytes: response('200 OK', 'content-length: 3\r\ntransfer-encoding: chunked\r\n', chunked(TEXT)),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'length: two that differ',
    bytes: response('200 OK', 'content-length: 3\r\ncontent-length: 75\r\n', TEXT),
    expected: '502 bad_gateway',
  },
  {
    name: 'length: more than there is',
    bytes: response('200 OK', 'content-length: 500\r\n', TEXT),
    expected: 'cut',
  },
  {
    name: 'length: chunks without an end',
    bytes: response('200 OK', 'transfer-encoding: chunked\r\n', `4b\r\n${TEXT}\r\n`),
    expected: 'cut',
  },
  {
    name: 'length: of a body that HEAD leaves out',
    method: 'HEAD',
    bytes: response('200 OK', 'content-length: 75\r\n', TEXT),
    expected: '200',
  },
]

const others: readonly AnswerCase[] = [
  {
    name: 'fields: hop by hop, of a response',
    bytes: response(
      '200 OK',
      'connection: close, x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\ncontent-length: 2\r\n',
      'ok',
    ),
    expected: '200 ok x-private= proxy-authenticate=',
    fields: ['x-private', 'proxy-authenticate'],
  },
  {
    name: 'fields: a cookie of ours, and two others',
    bytes: response(
      '200 OK',
      'set-cookie: __Host-lockgate-session=evil\r\nset-cookie: a=1\r\nset-cookie: b=2, 3\r\ncontent-length: 2\r\n',
      'ok',
    ),
    expected: '200 ok set-cookie=a=1; b=2, 3',
    fields: ['set-cookie'],
  },
  {
    name: 'fields: two ids of a session',
    bytes: response('200 OK', 'mcp-session-id: a\r\nmcp-session-id: b\r\ncontent-length: 2\r\n', 'ok'),
    expected: '200 ok mcp-session-id=1',
    fields: ['mcp-session-id'],
    counts: true,
  },
  ...[
    ['raw UTF-8', '/mcp/\u00c3\u00a4', '302 location=http://localhost:PORT/mcp/%C3%A4'],
    ['raw UTF-8 elsewhere', 'https://evil.test/\u00c3\u00a4', '302 location=https://evil.test/%C3%A4'],
    ['raw bytes that are no UTF-8', '/mcp/\u00e4', '502 bad_gateway'],
    ['raw bytes that are no UTF-8, elsewhere', 'https://evil.test/\u00e4', '502 bad_gateway'],
  ].map(
    ([name, to, expected]): AnswerCase => ({
      name: `location: ${name}`,
      bytes: response('302 Found', `location: ${to}\r\ncontent-length: 0\r\n`),
      expected: expected!,
      fields: ['location'],
    }),
  ),
  {
    name: 'location: of a 201, with raw bytes that are no UTF-8',
    bytes: response('201 Created', 'location: /mcp/\u00e4\r\ncontent-length: 2\r\n', 'ok'),
    expected: '201 ok location=',
    fields: ['location'],
  },
  { name: 'not HTTP', bytes: Buffer.from('hello\r\n\r\n'), expected: '502 bad_gateway' },
  { name: 'nothing', bytes: Buffer.alloc(0), expected: '502 bad_gateway' },
]

export const answers: readonly AnswerCase[] = [
  ...statuses,
  ...emptyStatuses,
  ...redirects,
  ...interims,
  ...codings,
  ...lengths,
  ...others,
]
