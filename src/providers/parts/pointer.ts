import type { Pointer } from '../provider.ts'

/** What stands at a place of a JSON value, if anything does. */
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

/** A text, or a number that was not rounded when it was parsed: past 2^53 it would name somebody else. */
export function textAt(value: unknown, pointer: Pointer | undefined): string | undefined {
  const found = pointer === undefined ? undefined : at(value, pointer)
  if (typeof found === 'number') return Number.isSafeInteger(found) ? String(found) : undefined
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Whether a provider calls something true: some say so in text, or as a number. */
export function isTrueAt(value: unknown, pointer: Pointer | undefined): boolean {
  const found = pointer === undefined ? undefined : at(value, pointer)
  return found === true || found === 'true' || found === 1 || found === '1'
}
