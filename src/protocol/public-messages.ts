import type { RpcMessage } from './json-rpc.ts'
import { isObject } from './json-rpc.ts'
import { type McpRules, subscribed } from './mcp-rules.ts'
import type { Patterns } from './patterns.ts'
import type { UriTable } from './uri-table.ts'

/** What anyone may do. */
export interface PublicTable {
  readonly tools: Patterns<true>
  readonly prompts: Patterns<true>
  /** Each reading of a URI has to be public. */
  readonly resources: UriTable<true>
  readonly methods: Patterns<true>
}

/**
 * Returns whether anyone may use a tool, prompt, resource or method. No rule may fit it as exactly as the public name does,
 * and a URI has to be public in every reading.
 */
export function isPublicName(
  kind: 'tools' | 'prompts' | 'resources' | 'methods',
  name: unknown,
  table: PublicTable,
  rules: McpRules,
): boolean {
  // Nothing is read in several ways where no name could match.
  if (typeof name !== 'string' || table[kind].isEmpty) return false
  const all = kind === 'resources' ? table.resources.fits(name) : [table[kind].lookUp(name)]
  if (!all) return false
  const weight = Math.min(...all.map((fit) => fit.weight))
  return weight >= 0 && !rules.outranks(kind, name, weight)
}

/** Returns whether anyone may send a message. What it names has to be public. */
export function isPublic({ method, params }: RpcMessage, table: PublicTable, rules: McpRules): boolean {
  if (method === undefined) return false
  const has = (kind: Parameters<typeof isPublicName>[0], name: unknown) =>
    isPublicName(kind, name, table, rules)
  if (rules.outranks('methods', method, table.methods.lookUp(method).weight)) return false
  switch (method) {
    case 'tools/call':
      return has('tools', params.name)
    case 'prompts/get':
      return has('prompts', params.name)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return has('resources', params.uri)
    case 'completion/complete': {
      const ref = isObject(params.ref) ? params.ref : {}
      const named = [ref.name, ref.uri].some((one) => one !== undefined)
      return (
        named &&
        has('methods', method) &&
        (ref.name === undefined || has('prompts', ref.name)) &&
        (ref.uri === undefined || has('resources', ref.uri))
      )
    }
    case 'subscriptions/listen':
      return has('methods', method) && subscribed(params).every((uri) => has('resources', uri))
    default:
      return has('methods', method)
  }
}
