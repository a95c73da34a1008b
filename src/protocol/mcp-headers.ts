import type { HeaderFields } from '../http/head.ts'
import type { RpcBody, RpcMessage } from './json-rpc.ts'
import { isObject } from './json-rpc.ts'

/** The first revision whose headers repeat parts of the body. */
const WITH_HEADERS = '2026-07-28'

const VERSION = 'io.modelcontextprotocol/protocolVersion'

/** Returns whether a request is of a revision that has neither sessions nor batches. */
export const isModern = (headers: HeaderFields): boolean =>
  (headers.get('mcp-protocol-version') ?? '') >= WITH_HEADERS

/**
 * Returns the first message that says something else than the headers do. Headers alone are never believed. They are compared
 * in every revision: the server may take the revision from elsewhere.
 *
 * @see [MCP, Streamable HTTP](https://modelcontextprotocol.io/specification/draft/basic/transports#server-validation)
 */
export function findMismatch(headers: HeaderFields, { messages }: RpcBody): RpcMessage | undefined {
  return messages.find((message) => !agrees(headers, message))
}

function agrees(headers: HeaderFields, { method, params }: RpcMessage): boolean {
  const { _meta: meta } = params
  const version = isObject(meta) ? meta[VERSION] : undefined
  const named = headers.get('mcp-protocol-version')
  if (version !== undefined && named !== null && version !== named) return false
  const announced = headers.get('mcp-method')
  if (announced !== null && announced !== method) return false
  const name = headers.get('mcp-name')
  const own = nameOf(method, params)
  return name === null || (own !== undefined && decodeName(name) === own)
}

/** Returns the header that a request has twice although programs read one value of it. */
export function doubledHeader(headers: HeaderFields): string | undefined {
  if (headers.get('mcp-protocol-version')?.includes(',')) return 'MCP-Protocol-Version'
  const session = headers.get('mcp-session-id')
  // A comma alone may be a part of the server's own id. A blank may not.
  return session !== null && /,\s|,$/.test(session) ? 'Mcp-Session-Id' : undefined
}

/** Returns what the body names. */
function nameOf(method: string | undefined, params: RpcMessage['params']): unknown {
  const { ref } = params
  return params[nameMember(method)] ?? (isObject(ref) ? (ref.name ?? ref.uri) : undefined)
}

/** Returns the member of `params` that `Mcp-Name` repeats. */
function nameMember(method = ''): 'name' | 'uri' | 'taskId' {
  if (method.startsWith('resources/')) return 'uri'
  return method.startsWith('tasks/') ? 'taskId' : 'name'
}

const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/** Decodes a header's value. Returns `undefined` if it cannot be decoded. */
function decodeName(value: string): string | undefined {
  const encoded = ENCODED.exec(value)?.[1]
  if (encoded === undefined) return value
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
