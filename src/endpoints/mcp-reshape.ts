import type { Reshape } from '../forward/reshape.ts'
import type { Admission } from '../guard/admission.ts'
import type { InspectionSettings } from '../options/mcp-rules.ts'
import type { RpcBody } from '../protocol/json-rpc.ts'
import { filterText, type Visible } from '../protocol/list-filter.ts'
import { isModern } from '../protocol/mcp-headers.ts'
import type { Needs } from '../protocol/mcp-rules.ts'
import { isPublicName } from '../protocol/public-messages.ts'
import { covers, type ScopeTable } from '../protocol/scope.ts'
import type { Visit } from './mcp-visit.ts'

/** Returns the way to change the response to a request, or `undefined` if it is not changed. */
export type ReshapeFor = (
  visit: Visit,
  admission: Admission,
  body: RpcBody | undefined,
) => Reshape | undefined

/**
 * Creates the filter of lists and of notifications about resources, for a server with rules.
 *
 * @param about.path The path of the server's address.
 */
export function createReshape(
  settings: InspectionSettings,
  { path, scopes }: { readonly path: string; readonly scopes: ScopeTable },
): ReshapeFor {
  const { rules, listsGranted, hasResourceRules, public: open } = settings

  const isOpen = (kind: 'tools' | 'prompts' | 'resources', name: string) =>
    open !== undefined && isPublicName(kind, name, open, rules)

  function visibleTo({ auth, isAnonymous }: Admission): Visible {
    // People see what they can sign in for, unless the operator hides it.
    const may = isAnonymous
      ? (needs: Needs) => needs !== 'deny' && open?.listsAll === true
      : (needs: Needs) => needs !== 'deny' && covers(auth.scopes, needs, scopes)
    return {
      tool: (name) => may(rules.ofTool(name)) || isOpen('tools', name),
      prompt: (name) => may(rules.ofPrompt(name)) || isOpen('prompts', name),
      resource: (uri) => may(rules.ofResource(uri)) || isOpen('resources', uri),
    }
  }

  return ({ head }, admission, body) => {
    const filtersLists = listsGranted || (admission.isAnonymous === true && open?.listsAll === false)
    if (!filtersLists && !hasResourceRules) return undefined
    const visible = visibleTo(admission)
    const modern = isModern(head.headers)
    const filter = (text: string) => filterText(text, visible, { isModern: modern, lists: filtersLists })
    const asksForList = body?.messages.some(({ method }) => method?.endsWith('/list')) === true
    // A server responds to GET at its address with a stream only. A response of another type may be one all the same.
    const opensStream = head.method === 'GET' && (head.path === path || head.path === `${path}/`)
    return {
      whole: (status) => filtersLists && (asksForList || (opensStream && status < 300)),
      changes: true,
      text: filter,
      event: (data) => (data.trim() === '' ? data : filter(data) || undefined),
    }
  }
}
