import type { RpcMessage } from './json-rpc.ts'
import { isObject } from './json-rpc.ts'
import { type McpRules, spellings, subscribed } from './mcp-rules.ts'
import type { Patterns } from './patterns.ts'

/** What anyone may do. */
export interface PublicTable {
  readonly tools: Patterns<true>
  readonly prompts: Patterns<true>
  readonly resources: Patterns<true>
  readonly methods: Patterns<true>
}

/**
 * Returns whether anyone may send a message. What it names has to be public in every spelling, and no rule may fit it as
 * exactly as the public name does.
 */
export function isPublic({ method, params }: RpcMessage, table: PublicTable, rules: McpRules): boolean {
  if (method === undefined) return false
  const has = (kind: keyof PublicTable, name: unknown) => {
    if (typeof name !== 'string') return false
    const weight = table[kind].weigh(name)
    return weight >= 0 && !rules.outranks(kind, name, weight)
  }
  const hasUri = (uri: unknown) =>
    typeof uri === 'string' && spellings(uri).every((one) => has('resources', one))
  if (rules.outranks('methods', method, table.methods.weigh(method))) return false
  switch (method) {
    case 'tools/call':
      return has('tools', params.name)
    case 'prompts/get':
      return has('prompts', params.name)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return hasUri(params.uri)
    case 'completion/complete': {
      const ref = isObject(params.ref) ? params.ref : {}
      const named = [ref.name, ref.uri].some((one) => one !== undefined)
      return (
        named &&
        has('methods', method) &&
        (ref.name === undefined || has('prompts', ref.name)) &&
        (ref.uri === undefined || hasUri(ref.uri))
      )
    }
    case 'subscriptions/listen':
      return has('methods', method) && subscribed(params).every(hasUri)
    default:
      return has('methods', method)
  }
}
