import type { Pointer } from './identity-map.ts'
import { at, follow } from './pointer.ts'

/**
 * Returns the names at a place: texts, lists of texts, or objects whose keys are the names. A path leads through lists
 * into each of their members. An asterisk and an ending mean every claim whose name is an https URL with this ending.
 */
export function namesAt(value: unknown, pointer: Pointer): string[] {
  if (typeof pointer === 'string' && pointer.startsWith('*')) return namespaced(value, pointer.slice(1))
  // A claim may have a name with dots, such as a URL.
  const found =
    typeof pointer === 'string'
      ? (at(value, [pointer]) ?? follow(value, pointer.split('.'), true))
      : follow(value, pointer, true)
  return [...new Set(namesOf(found))]
}

function namespaced(value: unknown, ending: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const claims = Object.entries(value).filter(([name]) => /^https:\/\//.test(name) && name.endsWith(ending))
  return [...new Set(claims.flatMap(([, names]) => namesOf(names)))]
}

function namesOf(found: unknown): string[] {
  if (Array.isArray(found)) return found.flatMap((one) => (typeof one === 'object' ? [] : namesOf(one)))
  if (typeof found === 'string') return found === '' ? [] : [found]
  if (typeof found === 'number') return Number.isSafeInteger(found) ? [String(found)] : []
  return typeof found === 'object' && found !== null ? Object.keys(found) : []
}
