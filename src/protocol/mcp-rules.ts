import { isName, isObject, type RpcMessage } from './json-rpc.ts'
import { compilePatterns, type Patterns } from './patterns.ts'
import { compileUris, withSlashes } from './uri-table.ts'

/** The scopes that an action needs in addition to those of its server, or `deny`: no scope permits it. */
export type Needs = readonly string[] | 'deny'

/** The rules of one MCP server, by patterns of names. A kind without rules needs no further scope. */
export interface RuleTable {
  readonly tools?: Readonly<Record<string, Needs>> | undefined
  readonly prompts?: Readonly<Record<string, Needs>> | undefined
  /** By URI. */
  readonly resources?: Readonly<Record<string, Needs>> | undefined
  /** By method. `*` alone is for the methods that no revision of MCP defines. */
  readonly methods?: Readonly<Record<string, Needs>> | undefined
}

/** The rules of one MCP server, ready for use. */
export interface McpRules {
  /** Returns what a message needs. */
  ofMessage(message: RpcMessage): Needs
  ofTool(name: string): Needs
  ofPrompt(name: string): Needs
  ofResource(uri: string): Needs
  /** Returns whether a rule that needs a scope, or denies, fits a name or URI at least as exactly as `weight`. */
  outranks(kind: keyof RuleTable, name: string, weight: number): boolean
}

/** The methods that a client may send by any revision of MCP. */
export const METHODS: ReadonlySet<string> = new Set(
  [
    'initialize ping logging/setLevel tools/list tools/call prompts/list prompts/get completion/complete server/discover',
    'resources/list resources/templates/list resources/read resources/subscribe resources/unsubscribe subscriptions/listen',
    'tasks/get tasks/result tasks/list tasks/cancel tasks/update notifications/initialized notifications/cancelled',
    'notifications/progress notifications/roots/list_changed notifications/tasks/status',
  ].flatMap((line) => line.split(' ')),
)

const NOTHING: readonly string[] = []

/** @see [MCP, Schema reference](https://modelcontextprotocol.io/specification/2025-11-25/schema) */
export function compileRules(table: RuleTable): McpRules {
  const [tools, prompts] = [table.tools, table.prompts].map((own) => own && compilePatterns(own))
  const { resources: uris = {} } = table
  /** Nothing is read in several ways where no rule could match. */
  const resources =
    Object.keys(uris).length > 0
      ? compileUris<Needs>(withSlashes(uris), (one, other) => together([one, other]))
      : undefined
  const { '*': others = NOTHING, ...named } = table.methods ?? {}
  const methods = table.methods && compilePatterns(named)
  const find = (rules: Patterns<Needs> | undefined, name: string): Needs =>
    rules ? together(rules.find(name)) : NOTHING
  const fitOf = (rules: Patterns<Needs> | undefined, name: string) => (rules ? [rules.lookUp(name)] : [])

  const ofTool = (name: string) => find(tools, name)
  const ofPrompt = (name: string) => find(prompts, name)
  const ofResource = (uri: string): Needs => {
    if (!resources) return NOTHING
    const all = resources.fits(uri)
    return all ? together(all.flatMap(({ values }) => values)) : 'deny'
  }

  function ofMethod(method: string): Needs {
    const own = methods?.find(method) ?? []
    if (own.length > 0) return together(own)
    return METHODS.has(method) ? NOTHING : others
  }

  function ofTarget({ method, params }: RpcMessage): Needs {
    switch (method) {
      case 'tools/call':
        return ofTool(nameOf(params.name))
      case 'prompts/get':
        return ofPrompt(nameOf(params.name))
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return ofResource(nameOf(params.uri))
      case 'completion/complete': {
        const ref = isObject(params.ref) ? params.ref : {}
        return together([
          ...(ref.name === undefined ? [] : [ofPrompt(nameOf(ref.name))]),
          ...(ref.uri === undefined ? [] : [ofResource(nameOf(ref.uri))]),
        ])
      }
      case 'subscriptions/listen':
        return together(subscribed(params).map((uri) => ofResource(nameOf(uri))))
      default:
        return NOTHING
    }
  }

  return {
    outranks(kind, name, weight) {
      const own = { tools, prompts, methods }
      const all = kind === 'resources' ? (resources ? resources.fits(name) : []) : fitOf(own[kind], name)
      return all === undefined || all.some((fit) => together(fit.values).length > 0 && fit.weight >= weight)
    },
    ofTool,
    ofPrompt,
    ofResource,
    ofMessage(message) {
      if (message.method === undefined) return NOTHING
      return together([ofMethod(message.method), ofTarget(message)])
    },
  }
}

/** A name that is missing or no text gets the rule of a name that no one listed. */
const nameOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Returns whether a message names its tool, prompt or resource in a way that every program reads alike. */
export function namesItsTarget({ method, params }: RpcMessage): boolean {
  switch (method) {
    case 'tools/call':
    case 'prompts/get':
      return isName(params.name)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return isName(params.uri)
    case 'completion/complete':
      return (
        isObject(params.ref) &&
        [params.ref.name, params.ref.uri].every((one) => one === undefined || isName(one))
      )
    case 'subscriptions/listen':
      return subscribed(params).every(isName)
    default:
      return true
  }
}

/** Returns the URIs that a subscription names. What is no list of them counts as a name that is not valid. */
export function subscribed(params: Readonly<Record<string, unknown>>): readonly unknown[] {
  const inner = params.notifications ?? {}
  return [params.resourceSubscriptions, isObject(inner) ? inner.resourceSubscriptions : ''].flatMap((list) =>
    Array.isArray(list) ? list : list === undefined || list === null ? [] : [''],
  )
}

/** Joins needs: all of them have to be met. */
function together(needs: readonly Needs[]): Needs {
  if (needs.length < 2) return needs[0] ?? NOTHING
  if (needs.includes('deny')) return 'deny'
  return [...new Set((needs as readonly (readonly string[])[]).flat())]
}

/** Returns whether a revision of MCP defines a method. */
export const isDefinedMethod = (method: string): boolean => METHODS.has(method)
