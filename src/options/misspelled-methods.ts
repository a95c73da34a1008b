import type { ConfigIssue } from '../errors.ts'
import { METHODS } from '../protocol/mcp-rules.ts'
import { closest } from '../validation/closest.ts'
import type { InspectionSettings } from './mcp-rules.ts'

/** A name with more mistakes is a method of the server's own. */
const MISTAKES = 2

/**
 * Returns a warning for each method in rules that no revision of MCP defines, but that is close to one: such a rule never
 * fits. A server may have methods of its own.
 */
export const misspelledMethods = (
  resources: readonly { readonly inspection: InspectionSettings | undefined }[],
): ConfigIssue[] =>
  resources.flatMap(({ inspection }, index) =>
    (inspection?.methodNames ?? []).flatMap(([place, name]) => {
      const meant =
        name.includes('*') || METHODS.has(name) ? undefined : closest(name, [...METHODS], MISTAKES)
      if (meant === undefined) return []
      const path = `mcp.${index}.${place}`
      return [{ path, message: `names \`${name}\`, which is no method of MCP; did you mean \`${meant}\`?` }]
    }),
  )
