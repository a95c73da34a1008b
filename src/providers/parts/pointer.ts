import type { Pointer } from './identity-map.ts'

/** Returns the value at a place of a JSON value, if there is one. */
export function at(value: unknown, pointer: Pointer): unknown {
  const names = typeof pointer === 'string' ? pointer.split('.') : pointer
  return names.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  )
}

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
