import { OAuthError } from '../errors.ts'
import { withTimeout } from '../http/timeout.ts'
import { type Store, UnreadableRecord, ValueTooLarge } from '../ports.ts'
import { serverError } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'

function unavailable(cause: unknown): never {
  // These are facts about one record. The store itself works, and a retry does not help.
  if (cause instanceof UnreadableRecord) throw cause
  if (cause instanceof ValueTooLarge) {
    const detail = `${cause.size} bytes, the storage accepts ${cause.limit}`
    throw serverError({ reason: 'grant-too-large', detail, cause })
  }
  throw new OAuthError('temporarily_unavailable', 'The server cannot reach its storage at the moment', {
    reason: 'storage-failed',
    cause,
    retryAfter: seconds.retryStorage,
  })
}

/** Waits for the storage, and refuses if it fails or takes longer. */
export const answerOf = <T>(work: Promise<T>, longest: number = ms.storage): Promise<T> =>
  withTimeout(work, longest).catch(unavailable)

/**
 * Wraps a store so that its failures are refusals: a record that cannot be read counts neither as present nor as absent.
 * {@link UnreadableRecord} passes, because each caller has its own way to refuse it.
 */
export function failClosed(store: Store): Store {
  const { consistency, maxValueBytes, staleness } = store
  const getMany = store.getMany?.bind(store)
  return {
    consistency,
    ...(maxValueBytes !== undefined && { maxValueBytes }),
    ...(staleness !== undefined && { staleness }),
    ...(getMany && { getMany: async (keys) => answerOf(getMany(keys)) }),
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
