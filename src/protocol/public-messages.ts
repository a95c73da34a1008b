import type { RpcMessage } from './json-rpc.ts'
import { isObject } from './json-rpc.ts'
import { spellings, subscribed } from './mcp-rules.ts'
import type { Patterns } from './patterns.ts'

/** What anyone may do. */
export interface PublicTable {
  readonly tools: Patterns<true>
  readonly prompts: Patterns<true>
  readonly resources: Patterns<true>
  readonly methods: Patterns<true>
}

/** Returns whether anyone may send a message. What it names has to be public in every spelling. */
export function isPublic({ method, params }: RpcMessage, table: PublicTable): boolean {
  if (method === undefined) return false
  const has = (patterns: Patterns<true>, name: unknown) =>
    typeof name === 'string' && patterns.find(name).length > 0
  const hasUri = (uri: unknown) =>
    typeof uri === 'string' && spellings(uri).every((one) => has(table.resources, one))
  switch (method) {
    case 'tools/call':
      return has(table.tools, params.name)
    case 'prompts/get':
      return has(table.prompts, params.name)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return hasUri(params.uri)
    case 'completion/complete': {
      const ref = isObject(params.ref) ? params.ref : {}
      const named = [ref.name, ref.uri].some((one) => one !== undefined)
      return (
        named &&
        has(table.methods, method) &&
        (ref.name === undefined || has(table.prompts, ref.name)) &&
        (ref.uri === undefined || hasUri(ref.uri))
      )
    }
    case 'subscriptions/listen':
      return has(table.methods, method) && subscribed(params).every(hasUri)
    default:
      return has(table.methods, method)
  }
}
