import type { Reshape } from '../forward/reshape.ts'
import type { Admission } from '../guard/admission.ts'
import type { InspectionSettings } from '../options/mcp-rules.ts'
import type { RpcBody } from '../protocol/json-rpc.ts'
import { filterText, type Visible } from '../protocol/list-filter.ts'
import { isModern } from '../protocol/mcp-headers.ts'
import type { Needs } from '../protocol/mcp-rules.ts'
import { spellings } from '../protocol/mcp-rules.ts'
import { covers, type ScopeTable } from '../protocol/scope.ts'
import type { Visit } from './mcp-visit.ts'

/** Returns the way to change the response to a request, or `undefined` if it is not changed. */
export type ReshapeFor = (
  visit: Visit,
  admission: Admission,
  body: RpcBody | undefined,
) => Reshape | undefined

/** Creates the filter of lists and of notifications about resources, for a server with rules. */
export function createReshape(settings: InspectionSettings, scopes: ScopeTable): ReshapeFor {
  const { rules, listsGranted, hasResourceRules, public: open } = settings

  function visibleTo({ auth, isAnonymous }: Admission): Visible {
    const may = (needs: Needs) => needs !== 'deny' && covers(auth.scopes, needs, scopes)
    if (!isAnonymous) {
      return {
        tool: (name) => may(rules.ofTool(name)) || isOpen(open?.tools, name),
        prompt: (name) => may(rules.ofPrompt(name)) || isOpen(open?.prompts, name),
        resource: (uri) => may(rules.ofResource(uri)) || isOpenUri(uri),
      }
    }
    // People see what they can sign in for, unless the operator hides it.
    const all = open?.listsAll === true
    return {
      tool: (name) => isOpen(open?.tools, name) || (all && rules.ofTool(name) !== 'deny'),
      prompt: (name) => isOpen(open?.prompts, name) || (all && rules.ofPrompt(name) !== 'deny'),
      resource: (uri) => isOpenUri(uri) || (all && rules.ofResource(uri) !== 'deny'),
    }
  }

  const isOpen = (patterns: { find(name: string): readonly true[] } | undefined, name: string) =>
    patterns !== undefined && patterns.find(name).length > 0
  const isOpenUri = (uri: string) =>
    open !== undefined && spellings(uri).every((one) => isOpen(open.resources, one))

  return ({ head }, admission, body) => {
    const filtersLists = listsGranted || (admission.isAnonymous === true && open?.listsAll === false)
    if (!filtersLists && !hasResourceRules) return undefined
    const visible = visibleTo(admission)
    const modern = isModern(head.headers)
    const filter = (text: string) => filterText(text, visible, { isModern: modern, lists: filtersLists })
    return {
      whole: filtersLists && body?.messages.some(({ method }) => method?.endsWith('/list')) === true,
      changes: true,
      text: filter,
      event: (data) => (data.trim() === '' ? data : filter(data) || undefined),
    }
  }
}
