import type { HeaderFields } from '../http/head.ts'
import type { RpcMessage } from './json-rpc.ts'
import { isModern } from './mcp-headers.ts'

interface RequestLine {
  readonly method: string
  readonly headers: HeaderFields
}

/**
 * Returns whether the response to a request only waits for what may come, and never ends by itself. A request of a
 * revision that wants its method in a header, but that hides it, may be a subscription.
 *
 * @see [MCP, Streamable HTTP](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server)
 */
export function isListening({ method, headers }: RequestLine): boolean {
  if (method === 'GET') return true
  const named = headers.get('mcp-method')
  return named === null ? isModern(headers) : named === 'subscriptions/listen'
}

/** Returns whether events may contain a name: it comes from the client. */
export const isPrintableName = (name: string): boolean => /^[\w./-]{1,128}$/.test(name)

/** Returns the action for events, from the body. */
export function actionOfMessages(messages: readonly RpcMessage[]): string | undefined {
  if (messages.length > 1) return `batch of ${messages.length}`
  const { method, params } = messages[0] ?? {}
  if (method === undefined || !isPrintableName(method)) return undefined
  const name = /^(tools\/call|prompts\/get)$/.test(method) ? params?.name : undefined
  return typeof name === 'string' && isPrintableName(name) ? `${method} ${name}` : method
}

/** Returns the action for events, from the headers. Names of tools and prompts are public; names of resources are addresses. */
export function actionOf({ headers }: RequestLine): string | undefined {
  const method = headers.get('mcp-method')
  if (method === null || !/^[\w/]{1,64}$/.test(method)) return undefined
  const name = headers.get('mcp-name')
  const named = name !== null && /^(tools\/call|prompts\/get)$/.test(method) && /^[\w./-]{1,128}$/.test(name)
  return named ? `${method} ${name}` : method
}

/** Returns whether a browser opened the address itself. MCP clients ask for JSON or an event stream. */
export function wantsPage({ method, headers }: RequestLine): boolean {
  const accept = headers.get('accept') ?? ''
  return method === 'GET' && accept.includes('text/html') && !accept.includes('text/event-stream')
}
