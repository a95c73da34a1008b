import { OAuthError } from '../errors.ts'
import type { Store } from '../ports.ts'

const RETRY_AFTER = 2

function unavailable(cause: unknown): never {
  throw new OAuthError('temporarily_unavailable', 'The server cannot reach its storage at the moment', {
    reason: 'storage failed',
    cause,
    retryAfter: RETRY_AFTER,
  })
}

/** A store whose failures are refusals: whatever cannot be read counts neither as present nor as absent. */
export function failClosed(store: Store): Store {
  return {
    consistency: store.consistency,
    get: async (key) => store.get(key).catch(unavailable),
    set: async (key, value, ttl) => store.set(key, value, ttl).catch(unavailable),
    swap: async (key, version, value, ttl) => store.swap(key, version, value, ttl).catch(unavailable),
    delete: async (key) => store.delete(key).catch(unavailable),
    async *keys(prefix) {
      try {
        yield* store.keys(prefix)
      } catch (cause) {
        unavailable(cause)
      }
    },
  }
}
