import { randomId } from '../crypto/random.ts'
import { type Clock, type Store, UnreadableRecord } from '../ports.ts'
import type { Approval } from '../protocol/remembering.ts'
import { readAll } from './read-all.ts'

/** Names one approval. Its record is `approval:<user>:<id>`. */
export interface ApprovalKey {
  readonly user: string
  /** 11 base64url characters. */
  readonly id: string
}

/** The approvals that users gave and that still count. Each belongs to one user and one browser. */
export interface Approvals {
  /** The time for which an approval counts, in seconds. */
  readonly seconds: number
  /** Remembers an approval from now on. */
  save(user: string, approval: Omit<Approval, 'until'>): Promise<ApprovalKey>
  /** Returns an approval that still counts. */
  find(key: ApprovalKey): Promise<Approval | undefined>
  drop(key: ApprovalKey): Promise<void>
  /** Ends the approvals of a user, in every browser. @param client Only those of one client. */
  forget(user: string, client?: string): Promise<void>
  /** Lists the approvals of a user that still count. */
  list(user: string): AsyncIterable<Approval>
}

interface StoredApproval extends Approval {
  readonly format: 1
}

const prefixOf = (user: string): string => `approval:${user}:`
const recordKey = ({ user, id }: ApprovalKey): string => prefixOf(user) + id

/** Returns the approval of a record that this build can read. Any other one counts as none: the page is shown. */
function decode(value: unknown, now: number): Approval | undefined {
  const { format, until, scope, upstream } = (value ?? {}) as Partial<StoredApproval>
  if (format !== 1 || !Array.isArray(scope) || !Array.isArray(upstream)) return undefined
  return typeof until === 'number' && until > now ? (value as StoredApproval) : undefined
}

export function createApprovals({
  store,
  now,
  seconds,
}: {
  readonly store: Store
  readonly now: Clock
  readonly seconds: number
}): Approvals {
  async function* readUser(user: string) {
    for await (const { name, found } of readAll(store, prefixOf(user))) {
      const approval = found instanceof UnreadableRecord ? undefined : decode(found.value, now())
      yield { name, approval }
    }
  }
  return {
    seconds,
    async save(user, approval) {
      const key = { user, id: randomId(8) }
      await store.set(recordKey(key), { format: 1, ...approval, until: now() + seconds }, seconds)
      return key
    },
    async find(key) {
      try {
        return decode((await store.get(recordKey(key)))?.value, now())
      } catch (error) {
        if (error instanceof UnreadableRecord) return undefined
        throw error
      }
    },
    drop: (key) => store.delete(recordKey(key)),
    async forget(user, client) {
      // One that cannot be read may be the client's.
      for await (const { name, approval } of readUser(user)) {
        if (client === undefined || approval === undefined || approval.client === client)
          await store.delete(name)
      }
    },
    async *list(user) {
      for await (const { approval } of readUser(user)) if (approval) yield approval
    },
  }
}
