import type { Store } from 'lockgate'
import { decodeGrant } from '../../src/grants/record.ts'

/** The form in which an instance writes grants: that of this build, of an older one, or of a newer one. */
export type Format = 'current' | 'older' | 'newer'

/** Members that builds of earlier times did not write. Later ones keep what they do not know. */
const UNKNOWN_BEFORE = ['provider', 'target', 'clientAuth', 'identityAt']

/**
 * Returns a store whose new records look as another build would write them. An older build names no provider; a newer
 * one writes every grant in the second format.
 */
export function inFormat(format: Format, store: Store): Store {
  if (format === 'current') return store
  const isGrant = (key: string) => key.startsWith('grant:')
  const rewrite = format === 'older' ? asOlder : asNewer
  return {
    ...store,
    // Only a sign-in sets a record. Every other write carries on what was there.
    set: (key, value, ttl) => store.set(key, isGrant(key) ? rewrite(value) : value, ttl),
    swap: (key, version, value, ttl) =>
      store.swap(key, version, isGrant(key) && format === 'newer' ? asNewer(value) : value, ttl),
  }
}

function asOlder(value: unknown): unknown {
  const record = value as Record<string, unknown>
  if (record.format !== 1) return record
  return Object.fromEntries(Object.entries(record).filter(([name]) => !UNKNOWN_BEFORE.includes(name)))
}

function asNewer(value: unknown): unknown {
  const grant = decodeGrant(value)
  return grant === undefined || grant === 'newer' ? value : { format: 2, ...grant }
}
