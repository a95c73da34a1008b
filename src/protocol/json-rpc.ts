import { type JsonScan, scanJson } from './json-scan.ts'

/** The JSON-RPC error codes that the proxy itself answers with. @see [JSON-RPC 2.0 §5.1](https://www.jsonrpc.org/specification#error_object) */
export const RPC = {
  parseError: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  /** MCP, since 2026-07-28. */
  headerMismatch: -32_020,
} as const

export type RpcId = string | number | null

/** One JSON-RPC message of a client. */
export interface RpcMessage {
  /** Absent for a response to the server. */
  readonly method: string | undefined
  /** The id to answer with. `undefined` for a notification or a response. */
  readonly id: RpcId | undefined
  readonly params: Readonly<Record<string, unknown>>
}

/** A body with messages. */
export interface RpcBody {
  readonly isBatch: boolean
  readonly messages: readonly RpcMessage[]
}

/** A body that programs may read differently, or that is no JSON-RPC. */
export interface RpcFault {
  readonly code: number
  /** A fixed sentence, without anything from the body. */
  readonly fault: string
  readonly id: RpcId
}

/** Members that decide about a message, of the envelope, of `params`, and of the objects in it that name something. */
const KNOWN: ReadonlySet<string> = new Set(
  'jsonrpc id method params result error name uri taskId _meta ref type arguments notifications resourceSubscriptions'.split(
    ' ',
  ),
)
const FOLDED: ReadonlySet<string> = new Set([...KNOWN].map(fold))

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Arrays and objects that may be open at once. Depth makes every parser slow, and some of them fail. */
const DEEPEST = 100

/**
 * Reads the messages of a request body. Refuses every body that another parser could read differently: invalid UTF-8, a
 * byte-order mark, repeated names, and names that equal a known one except for their case. What is nested too deeply is
 * refused before it is parsed.
 *
 * @param scan The scan of the same bytes.
 */
export function readMessages(bytes: Uint8Array, scan: JsonScan = scanJson(bytes)): RpcBody | RpcFault {
  if (scan.depth > DEEPEST) return invalid('The body is nested too deeply', undefined)
  let body: unknown
  try {
    body = JSON.parse(decoder.decode(bytes))
  } catch {
    return { code: RPC.parseError, fault: 'The body is not JSON in UTF-8', id: null }
  }
  if (scan.names !== countMembers(body)) return invalid('The body repeats a name in an object', body)
  if (!Array.isArray(body)) {
    const message = readMessage(body)
    return 'fault' in message ? message : { isBatch: false, messages: [message] }
  }
  if (body.length === 0) return invalid('The batch is empty', body)
  const messages: RpcMessage[] = []
  for (const one of body) {
    const message = readMessage(one)
    if ('fault' in message) return { ...message, id: null }
    if (message.method === 'initialize') return invalid('A batch must not contain initialize', body)
    messages.push(message)
  }
  return { isBatch: true, messages }
}

function readMessage(message: unknown): RpcMessage | RpcFault {
  if (!isObject(message)) return invalid('A message must be an object', message)
  const { method, params } = message
  if (params !== undefined && params !== null && !isObject(params)) {
    return invalid('The params of a message must be an object', message)
  }
  if (
    [message, params, params?.ref, params?.notifications].some((one) => isObject(one) && hasLookalike(one))
  ) {
    return invalid('The message has a name that programs read differently', message)
  }
  const isResponse = Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error')
  if (method === undefined && isResponse) return { method: undefined, id: undefined, params: {} }
  if (!isName(method) || isResponse) return invalid('The message has no valid method', message)
  return { method, id: Object.hasOwn(message, 'id') ? idOf(message) : undefined, params: params ?? {} }
}

const invalid = (fault: string, message: unknown): RpcFault => ({
  code: RPC.invalidRequest,
  fault,
  id: isObject(message) ? idOf(message) : null,
})

/** Returns the id to answer with: only one that survives being written again. */
function idOf({ id }: Readonly<Record<string, unknown>>): RpcId {
  if (typeof id === 'string') return id
  return Number.isSafeInteger(id) ? (id as number) : null
}

/** Returns whether a value is a name that every program reads alike: no control characters, no half of a pair. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && !/[\p{Cc}\p{Cs}]/u.test(value)

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A name that becomes the prototype where a program in JavaScript copies an object. It is in no schema. */
const PROTOTYPE = '__proto__'

/** No spelling of a known name is as long. Folding a long name takes a tenth of a second. */
const LONGEST_LOOKALIKE = 100

/** Returns whether a name equals a known one for a program that ignores case, as Go's decoder does, or hides others. */
function hasLookalike(object: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(object).some(
    (name) =>
      name === PROTOTYPE || (name.length <= LONGEST_LOOKALIKE && !KNOWN.has(name) && FOLDED.has(fold(name))),
  )
}

/** Returns whether an object in a value has two names that are one for a program that ignores case, or hides others. */
export function hasTwins(value: unknown): boolean {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    if (!Array.isArray(next)) {
      const names = Object.keys(next)
      if (names.includes(PROTOTYPE) || new Set(names.map(fold)).size < names.length) return true
    }
    for (const one of Object.values(next)) if (typeof one === 'object' && one !== null) open.push(one)
  }
  return false
}

/** Maps all spellings of a name to one: also the long s, the Kelvin sign, and both Turkish letters. */
export function fold(name: string): string {
  return name.toUpperCase().toLowerCase().replaceAll('\u0307', '')
}

/** Counts the members of all objects in a value. Without recursion, so that depth costs no stack. */
function countMembers(value: unknown): number {
  let members = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const inner = Array.isArray(next) ? next : Object.values(next)
    if (inner !== next) members += inner.length
    for (const one of inner) if (typeof one === 'object' && one !== null) open.push(one)
  }
  return members
}
