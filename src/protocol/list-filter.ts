import { fold, isObject } from './json-rpc.ts'

/** The tools, prompts and resources that one caller may use. */
export interface Visible {
  tool(name: string): boolean
  prompt(name: string): boolean
  /** By URI, or by the template of URIs. */
  resource(uri: string): boolean
}

/** The way to filter the messages of one response. */
export interface FilterRules {
  readonly isModern: boolean
  readonly lists: boolean
}

type Items = Record<string, unknown>

/** The lists of results: the member, the member of each item that names it, and the rule. */
const LISTS = [
  ['tools', 'name', 'tool'],
  ['prompts', 'name', 'prompt'],
  ['resources', 'uri', 'resource'],
  ['resourceTemplates', 'uriTemplate', 'resource'],
] as const

/** Milliseconds that a client may keep a list for, so that it sees more soon after it got another scope. */
const LONGEST_TTL = 60_000

/** The outcome for one message: as it was, with a shorter list, not for this caller, or not to be understood. */
export type Filtered = 'same' | 'changed' | 'drop' | 'unreadable'

/** Members of a message that decide about it, and those of a result with a list. */
const OF_MESSAGES: ReadonlySet<string> = new Set(['method', 'params', 'result'])
const OF_RESULTS: ReadonlySet<string> = new Set(LISTS.map(([member]) => member))
const FOLDED_LISTS: ReadonlySet<string> = new Set([...OF_RESULTS].map(fold))

/** Returns whether a name equals a known one for a client that ignores case. */
const hasOtherCase = (object: object, known: ReadonlySet<string>, folded: ReadonlySet<string> = known) =>
  Object.keys(object).some((name) => !known.has(name) && folded.has(fold(name)))

/**
 * Removes from a message what its receiver may not use. Keeps the order, the cursor and every member that it does not
 * know. A list is private, because another caller may see another one.
 *
 * @param about.isModern `true` for a revision whose results say how they may be cached.
 * @param about.lists `false` if lists stay as they are, and only notifications are filtered.
 * @see [MCP, Caching](https://modelcontextprotocol.io/specification/draft/basic/utilities/caching)
 */
export function filterMessage(message: unknown, visible: Visible, about: FilterRules): Filtered {
  if (!isObject(message)) return Array.isArray(message) ? 'unreadable' : 'same'
  if (hasOtherCase(message, OF_MESSAGES)) return 'unreadable'
  const { method, params, result } = message
  if (method === 'notifications/resources/updated') {
    const uri = isObject(params) ? params.uri : undefined
    return typeof uri === 'string' && visible.resource(uri) ? 'same' : 'drop'
  }
  if (!about.lists || !isObject(result)) return 'same'
  if (hasOtherCase(result, OF_RESULTS, FOLDED_LISTS)) return 'unreadable'
  const own = result as Items
  let found = false
  for (const [member, key, kind] of LISTS) {
    const list = own[member]
    if (list === undefined) continue
    found = true
    own[member] = (Array.isArray(list) ? list : []).filter((item) => {
      const name = isObject(item) ? item[key] : undefined
      return typeof name === 'string' && visible[kind](name)
    })
  }
  if (!found) return 'same'
  if (about.isModern || own.cacheScope !== undefined) own.cacheScope = 'private'
  if (typeof own.ttlMs === 'number' && own.ttlMs > LONGEST_TTL) own.ttlMs = LONGEST_TTL
  return 'changed'
}

/** Filters a JSON text with one message or several. Returns `undefined` if it cannot be read, or not be written again. */
export function filterText(text: string, visible: Visible, about: FilterRules): string | undefined {
  try {
    return filterBody(text, JSON.parse(text.replace(/^\uFEFF/, '')), visible, about)
  } catch {
    return undefined
  }
}

function filterBody(text: string, body: unknown, visible: Visible, about: FilterRules): string | undefined {
  if (!Array.isArray(body)) {
    const outcome = filterMessage(body, visible, about)
    if (outcome === 'unreadable') return undefined
    return outcome === 'changed' ? JSON.stringify(body) : outcome === 'same' ? text : ''
  }
  const outcomes = body.map((one) => filterMessage(one, visible, about))
  if (outcomes.includes('unreadable')) return undefined
  return JSON.stringify(body.filter((_, index) => outcomes[index] !== 'drop'))
}
