import { OAuthError } from '../errors.ts'
import { withTimeout } from '../http/timeout.ts'
import type { Store } from '../ports.ts'
import { ms, seconds } from '../timing.ts'

function unavailable(cause: unknown): never {
  throw new OAuthError('temporarily_unavailable', 'The server cannot reach its storage at the moment', {
    reason: 'storage-failed',
    cause,
    retryAfter: seconds.retryStorage,
  })
}

const answerOf = <T>(work: Promise<T>): Promise<T> => withTimeout(work, ms.storage).catch(unavailable)

/** A store whose failures are refusals: whatever cannot be read counts neither as present nor as absent. */
export function failClosed(store: Store): Store {
  return {
    consistency: store.consistency,
    get: async (key) => answerOf(store.get(key)),
    set: async (key, value, ttl) => answerOf(store.set(key, value, ttl)),
    swap: async (key, version, value, ttl) => answerOf(store.swap(key, version, value, ttl)),
    delete: async (key) => answerOf(store.delete(key)),
    async *keys(prefix) {
      try {
        yield* store.keys(prefix)
      } catch (cause) {
        unavailable(cause)
      }
    },
  }
}
