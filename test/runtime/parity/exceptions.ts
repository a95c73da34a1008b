import type { Runtime } from './requests.ts'
import { TEXT } from './responses.ts'

/** What some runtimes make of a case instead of the expected, with the reason why Lockgate cannot change it. */
type Exceptions = Readonly<Partial<Record<Runtime, readonly [outcome: string, reason: string]>>>

const PARSER = 'its own parser refuses the request, in its own words'
const BEFORE = 'the runtime fails at the URL before the Worker runs'
const RESOLVED = 'its Request has a resolved URL only. Guard and forwarding read that one'
const RESPELLED = 'its Request has an encoded query only. No rule depends on such a query'
const ABSOLUTE = 'the host of an absolute target replaces the one of the field (RFC 9112 §3.2.2)'
const LENIENT =
  'its parser reads this as one valid request (RFC 9112 §2.2, §5.2, §6.3), and it is forwarded anew'
const INTERIM = 'its HTTP client takes an interim response for the final one'
const STRICT = 'its HTTP client refuses a length beside chunks, as RFC 9112 §6.3 allows'
const ENDED = 'the runtime ends a response as whole whose source was cut'

const byParser = (...runtimes: readonly Runtime[]): Exceptions =>
  Object.fromEntries(runtimes.map((runtime) => [runtime, ['400', PARSER]]))
const NODES: readonly Runtime[] = ['Node 20', 'Node 24', 'Node 20, fetch']
const before: Exceptions = { workerd: ['500', BEFORE] }
const interim: Exceptions = { workerd: ['502 bad_gateway', INTERIM] }

/** By the name of the case. */
export const exceptions: Readonly<Record<string, Exceptions>> = {
  'target: an encoded dot segment': { Bun: ['401 invalid_token', RESOLVED] },
  'target: a dot segment': { Bun: ['401 invalid_token', RESOLVED], workerd: ['401 invalid_token', RESOLVED] },
  'target: a single dot': { Bun: ['401 invalid_token', RESOLVED], workerd: ['401 invalid_token', RESOLVED] },
  'target: a backslash': { Bun: ['401 invalid_token', RESOLVED] },
  'target: a raw byte that is no UTF-8': byParser(...NODES, 'Deno'),
  'target: a raw byte that is no UTF-8, in the query': {
    ...byParser(...NODES, 'Deno'),
    Bun: ['200 → POST /mcp?a=%EF%BF%BD', RESPELLED],
  },
  'target: a raw DEL in the query': {
    ...byParser(...NODES, 'Deno'),
    Bun: ['200 → POST /mcp?a=%7F', RESPELLED],
  },
  'target: raw UTF-8': { ...byParser(...NODES), Bun: ['200 → POST /mcp/%C3%A4', RESOLVED] },
  'target: absolute, own authority': before,
  'target: absolute, own authority, nested server': before,
  'target: absolute, another authority': {
    Bun: ['200 → POST /mcp', ABSOLUTE],
    Deno: ['200 → POST /mcp', ABSOLUTE],
    ...before,
  },
  'target: absolute, user information': { Bun: ['200 → POST /mcp', ABSOLUTE], ...before },
  'target: absolute, another scheme': { ...byParser('Bun'), ...before },
  'target: an asterisk': {
    ...byParser('Bun'),
    Deno: ['404 not_found', 'it makes /* of the asterisk, where nothing is'],
    ...before,
  },
  'target: an authority, to be connected with': {
    Deno: ['405 invalid_request', 'it makes the path / of it, where no such method is'],
    workerd: ['500', 'it passes no such request to a Worker'],
  },
  'target: without a slash': { ...byParser(...NODES, 'Bun', 'Deno'), ...before },
  'authority: a backslash and a path': before,
  'authority: a path': before,
  'authority: a query': before,
  'authority: a fragment': before,
  'authority: user information': before,
  'authority: a blank': before,
  'authority: none': {
    ...byParser(...NODES, 'Bun', 'workerd'),
    Deno: ['200 → POST /mcp', 'it fills in its own address, and nothing depends on the host'],
  },
  'authority: none, from a health check over HTTP/1.0': {
    Deno: ['204', 'it fills in its own address, and nothing depends on the host'],
    ...byParser('workerd'),
  },
  'authority: two': { ...byParser('Deno'), ...before },
  'fields: an upgrade to HTTP/2': { Deno: ['400', 'it refuses this upgrade of a request with a body'] },
  'fields: bytes beyond ASCII in a value': {
    workerd: [
      '200 → POST /mcp x-name=\u00ef\u00bf\u00bd',
      'it reads values as UTF-8, and replaces what is not',
    ],
  },
  'fields: a value over two lines': { workerd: ['200 → POST /mcp', LENIENT] },
  'fields: a line break that is half of one': {
    Deno: ['200 → POST /mcp', LENIENT],
    workerd: ['200 → POST /mcp', LENIENT],
  },
  'fields: the same length twice': {
    Bun: ['200 → POST /mcp', LENIENT],
    Deno: ['200 → POST /mcp', LENIENT],
  },
  'fields: chunks with a trailer': {
    Bun: ['400', 'it takes the trailer for another request, and refuses that'],
  },
  'fields: two cookies': {
    workerd: [
      '200 → POST /mcp cookie=a=1, b=2',
      'it joins the fields by a comma, and a planted value may contain a comma too',
    ],
  },
  'fields: a length and chunks': { workerd: ['200 → POST /mcp', LENIENT] },
  'fields: a blank before the colon': { workerd: ['200 → POST /mcp', LENIENT] },
  'handler: 304 with an empty body': { workerd: ['304', 'it takes an empty text for no body'] },
  'interim: 100 before 200': {
    ...Object.fromEntries(
      NODES.map((runtime) => [runtime, ['502 bad_gateway', 'undici refuses a 100 that nothing asked for']]),
    ),
    ...interim,
  },
  'interim: 102 before 200': interim,
  'interim: 103 before 200': interim,
  'coding: gzip, cut in the middle': { workerd: ['200 a text of the MCP s', ENDED] },
  'length: chunks beside a length that is too small': Object.fromEntries(
    [...NODES, 'workerd'].map((runtime) => [runtime, ['502 bad_gateway', STRICT]]),
  ),
  'length: chunks without an end': { workerd: [`200 ${TEXT}`, ENDED] },
}
