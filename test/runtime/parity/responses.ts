import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { Runtime } from './requests.ts'

/** A raw response of the MCP server, and what the client must get. */
export interface AnswerCase {
  readonly name: string
  readonly bytes: Buffer
  /** `<status> <readable body>`; `cut` is a response that the client can tell is not whole. */
  readonly expected: string
  readonly except?: Readonly<Partial<Record<Runtime, readonly [outcome: string, reason: string]>>>
}

const TEXT = 'a text of the MCP server, long enough to be worth packing, packing, packing'

const response = (status: string, fields: string, body: string | Buffer = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${fields}\r\n`, 'latin1'),
    typeof body === 'string' ? Buffer.from(body) : body,
  ])

const coded = (coding: string, body: Buffer): AnswerCase => ({
  name: `coding: ${coding}`,
  bytes: response(
    '200 OK',
    `content-type: text/plain\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.length}\r\n`,
    body,
  ),
  expected: `200 ${TEXT}`,
})

const statuses: readonly AnswerCase[] = [
  ['200 OK', '200 ok'],
  ['202 Accepted', '202 ok'],
  ['404 Not Found', '404 ok'],
  ['418 Teapot', '418 ok'],
  ['451 Unavailable', '451 ok'],
  ['503 Busy', '503 ok'],
  ['599 Odd', '599 ok'],
  ['600 Odder', '502 bad_gateway'],
  ['999 Oddest', '502 bad_gateway'],
].map(([status, expected]) => ({
  name: `status: ${status!.slice(0, 3)}`,
  bytes: response(status!, 'content-type: text/plain\r\ncontent-length: 2\r\n', 'ok'),
  expected: expected!,
}))

export const answers: readonly AnswerCase[] = [
  ...statuses,
  { name: 'status: 204', bytes: response('204 No Content', ''), expected: '204' },
  { name: 'status: 401', bytes: response('401 No', 'content-length: 0\r\n'), expected: '502 bad_gateway' },
  {
    name: 'interim: 103 before 200',
    bytes: Buffer.concat([
      response('103 Early Hints', 'link: </x>\r\n'),
      response('200 OK', 'content-length: 2\r\n', 'ok'),
    ]),
    expected: '200 ok',
  },
  coded('gzip', gzipSync(TEXT)),
  coded('br', brotliCompressSync(TEXT)),
  coded('deflate', deflateSync(TEXT)),
  { ...coded('x-unknown', Buffer.from(TEXT)), name: 'coding: unknown' },
  {
    name: 'length: none',
    bytes: response('200 OK', 'content-type: text/plain\r\nconnection: close\r\n', TEXT),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'length: chunks',
    bytes: response(
      '200 OK',
      'transfer-encoding: chunked\r\n',
      `${TEXT.length.toString(16)}\r\n${TEXT}\r\n0\r\n\r\n`,
    ),
    expected: `200 ${TEXT}`,
  },
  {
    name: 'length: more than there is',
    bytes: response('200 OK', 'content-length: 500\r\n', TEXT),
    expected: 'cut',
  },
  {
    name: 'events: gzip',
    bytes: response(
      '200 OK',
      'content-type: text/event-stream\r\ncontent-encoding: gzip\r\nconnection: close\r\n',
      gzipSync('data: 1\n\n'),
    ),
    expected: '200 data: 1\n\n',
  },
  { name: 'not HTTP', bytes: Buffer.from('hello\r\n\r\n'), expected: '502 bad_gateway' },
]
