import type { ScopeTable } from '../../src/protocol/scope.ts'

/** A table of scopes that imply nothing and need nothing of a provider. */
export const tableOf = (...names: readonly string[]): ScopeTable =>
  Object.fromEntries(names.map((name) => [name, { description: name, upstream: [] }]))
