/** Names that become labels. Clients choose the names of tools, and each label is a series of its own. */
const MOST = 100

/** Returns a function that keeps the first names that it sees, and calls every later one `other`. */
export function createBoundedNames(): (name: string | undefined) => string {
  const known = new Set<string>()
  return (name) => {
    if (name === undefined) return ''
    if (known.size < MOST) known.add(name)
    return known.has(name) ? name : 'other'
  }
}
