/** Names that become labels. Clients choose the names of tools, and each label is a series of its own. */
const MOST = 100

/** The tool of a call and its outcome, as the event tells them. */
interface Called {
  readonly tool?: string | undefined
  readonly outcome: string
}

/**
 * Returns a function that gives the label of a call's tool. It keeps the first names that succeed. Servers answer a name
 * that a client made up with an error of the tool, so that an error makes no name known. Any other name is `other`.
 */
export function createBoundedNames(): (called: Called) => string {
  const known = new Set<string>()
  return ({ tool, outcome }) => {
    if (tool === undefined) return ''
    if (outcome === 'ok' && known.size < MOST) known.add(tool)
    return known.has(tool) ? tool : 'other'
  }
}
