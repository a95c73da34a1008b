import type { Pointer } from './identity-map.ts'

/** Returns a member of an object, or the element of a list at an index such as `0`. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  if (Array.isArray(value) && !/^\d+$/.test(name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/**
 * Follows names from the outside in. Names with dots in them, such as a host, are found as well: where one name leads
 * nowhere, it and the next are one.
 *
 * @param throughLists Goes into each element of a list. By default a list has its elements by index only.
 */
export function follow(value: unknown, names: readonly string[], throughLists = false): unknown {
  if (names.length === 0) return value
  if (throughLists && Array.isArray(value))
    return value.flatMap((one) => follow(one, names, throughLists) ?? [])
  for (let length = 1; length <= names.length; length++) {
    const inner = member(value, names.slice(0, length).join('.'))
    const found = inner === undefined ? undefined : follow(inner, names.slice(length), throughLists)
    if (found !== undefined) return found
  }
  return undefined
}

/** Returns the value at a place of a JSON value, if there is one. */
export const at = (value: unknown, pointer: Pointer): unknown =>
  typeof pointer === 'string'
    ? follow(value, pointer.split('.'))
    : pointer.reduce<unknown>((inner, name) => member(inner, name), value)

/**
 * Returns a text, or a number that was not rounded when it was parsed. Past 2^53 it would name another user.
 *
 * @param options.booleans Also returns `true` and `false` as text.
 */
export function textAt(
  value: unknown,
  pointer: Pointer | undefined,
  { booleans = false }: { booleans?: boolean } = {},
): string | undefined {
  const found = pointer === undefined ? undefined : at(value, pointer)
  if (typeof found === 'number') return Number.isSafeInteger(found) ? String(found) : undefined
  if (booleans && typeof found === 'boolean') return String(found)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Returns the first text at several places. */
export const firstTextAt = (value: unknown, pointers: readonly Pointer[]): string | undefined =>
  pointers.map((pointer) => textAt(value, pointer)).find((text) => text !== undefined)

/** Returns `true` if a provider calls something true. Some say so in text, or as a number. */
export function isTrueAt(value: unknown, pointer: Pointer | undefined): boolean {
  const found = pointer === undefined ? undefined : at(value, pointer)
  return found === true || found === 'true' || found === 1 || found === '1'
}

/**
 * Returns the value of a claim by the name an operator wrote: a claim of exactly this name, else a path with dots.
 * So both `https://acme.example/groups` and `realm_access.roles` work.
 */
export const claimAt = (claims: unknown, name: string): unknown => at(claims, [name]) ?? at(claims, name)
