import type { ScopeMeaning, ScopeTable } from './scope.ts'

/** A table whose scopes name everything that they imply, or the first scope that cannot be resolved. */
export interface Resolved {
  readonly table: ScopeTable
  /** A scope that implies one which does not exist. */
  readonly unknown?: string | undefined
  /** A scope that implies itself through others. */
  readonly circle?: string | undefined
}

/**
 * Resolves once which scopes each scope implies, also through others. A broad scope takes over the needs of the narrow
 * ones, so that it is granted only if the provider gives all that it permits.
 */
export function resolveImplied(table: ScopeTable): Resolved {
  const names = Object.keys(table)
  const direct = (name: string): readonly string[] => table[name]?.implies ?? []
  const unknown = names.find((name) => direct(name).some((one) => !Object.hasOwn(table, one)))
  if (unknown !== undefined) return { table, unknown }
  const closed = new Map(names.map((name) => [name, reach(name, direct)]))
  const circle = names.find((name) => closed.get(name)!.has(name))
  if (circle !== undefined) return { table, circle }
  const resolved = names.map((name): [string, ScopeMeaning] => {
    const implies = [...closed.get(name)!]
    const meaning = table[name]!
    if (implies.length === 0) return [name, meaning]
    return [
      name,
      {
        ...meaning,
        implies,
        upstream: implies.map((one) => table[one]!.upstream).reduce(both, meaning.upstream),
      },
    ]
  })
  return { table: Object.fromEntries(resolved) }
}

/** Returns every scope that can be reached from one. It contains the scope itself only if there is a circle. */
function reach(from: string, direct: (name: string) => readonly string[]): Set<string> {
  const found = new Set<string>()
  const open = [...direct(from)]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    found.add(next)
    open.push(...direct(next))
  }
  return found
}

type Needs = ScopeMeaning['upstream']

/** Returns what two scopes need together. Only a provider that can give both is named. */
function both(one: Needs, other: Needs): Needs {
  const union = (a: readonly string[] = [], b: readonly string[] = []) => [...new Set([...a, ...b])]
  const everywhere = (needs: Needs): needs is readonly string[] => Array.isArray(needs)
  if (everywhere(one) && everywhere(other)) return union(one, other)
  const named = everywhere(one) ? other : one
  const ids = Object.keys(named).filter((id) =>
    [one, other].every((needs) => everywhere(needs) || Object.hasOwn(needs, id)),
  )
  const at = (needs: Needs, id: string) =>
    everywhere(needs) ? needs : (needs as Readonly<Record<string, readonly string[]>>)[id]
  return Object.fromEntries(ids.map((id) => [id, union(at(one, id), at(other, id))]))
}
