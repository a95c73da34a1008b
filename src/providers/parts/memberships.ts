import type { Pointer } from './identity-map.ts'

/**
 * Returns the names at a place: texts, lists of texts, or objects whose keys are the names. A path leads through lists
 * into each of their members. An asterisk and an ending mean every claim whose name is an https URL with this ending.
 */
export function namesAt(value: unknown, pointer: Pointer): string[] {
  if (typeof pointer === 'string' && pointer.startsWith('*')) return namespaced(value, pointer.slice(1))
  // A claim may have a name with dots, such as a URL.
  const whole = typeof pointer === 'string' ? member(value, pointer) : undefined
  const found = whole ?? follow(value, typeof pointer === 'string' ? pointer.split('.') : pointer)
  return [...new Set(namesOf(found))]
}

function namespaced(value: unknown, ending: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const claims = Object.entries(value).filter(([name]) => /^https:\/\//.test(name) && name.endsWith(ending))
  return [...new Set(claims.flatMap(([, names]) => namesOf(names)))]
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

function follow(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value
  if (Array.isArray(value)) return value.flatMap((one) => follow(one, [name, ...rest]) ?? [])
  return follow(member(value, name), rest)
}

function namesOf(found: unknown): string[] {
  if (Array.isArray(found)) return found.flatMap((one) => (typeof one === 'object' ? [] : namesOf(one)))
  if (typeof found === 'string') return found === '' ? [] : [found]
  if (typeof found === 'number') return Number.isSafeInteger(found) ? [String(found)] : []
  return typeof found === 'object' && found !== null ? Object.keys(found) : []
}
