import { ageOf } from '../age.ts'
import type { Sealer } from '../crypto/seal.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { type Clock, type Store, UnreadableRecord, type Versioned } from '../ports.ts'
import { invalidGrant } from '../refusals.ts'
import { seconds } from '../timing.ts'
import type { Grant } from './grant.ts'
import { formatGrantKey, type GrantKey, recordKey } from './grant-key.ts'
import { decodeGrant } from './record.ts'

/** A grant, with the version of its record. */
export interface FoundGrant {
  readonly grant: Grant
  readonly version: string
}

/** Reads the records of grants, and refuses those that cannot be read. */
export interface Records {
  /**
   * Reads a living grant.
   *
   * @throws {OAuthError} `invalid_grant` for a record that cannot be read: the user can sign in again.
   * `temporarily_unavailable` if another instance can read it, because it runs a later build or has a later secret.
   */
  read(key: GrantKey): Promise<FoundGrant | undefined>
  /** Returns the grant of a record, or reports that it cannot be read. Returns `undefined` if it has expired. */
  open(key: GrantKey, found: Versioned | UnreadableRecord): Grant | 'unreadable' | undefined
  /** Returns `true` if another instance has written a grant with a secret that this one does not have. */
  hasUnknownSecret(key: GrantKey): Promise<boolean>
}

export function createRecords(ports: { store: Store; sealer: Sealer; now: Clock; emit: Emit }): Records {
  const { store, sealer, now, emit } = ports
  const startedAt = now()
  let skewReportedAt = Number.NEGATIVE_INFINITY

  /**
   * Returns `true` for a record that was written while this process ran. If this process cannot read it, another instance
   * has a later build or a later secret. An older record was written with what is gone.
   */
  const isOfOtherInstance = (rotatedAt: unknown): boolean =>
    typeof rotatedAt === 'number' && rotatedAt >= startedAt - seconds.clockSkew

  /** Returns `true` if all parts of a record name one secret that this process does not have. */
  function isSealedByOther({ identity, connections, rotatedAt }: Grant): boolean {
    const id = sealer.unknownKeyOf(identity)
    if (id === undefined || !isOfOtherInstance(rotatedAt)) return false
    return Object.values(connections).every(({ sealed }) => sealer.unknownKeyOf(sealed) === id)
  }

  /** Reports a record from the future, once a minute: reuse of tokens is judged by their age. */
  function noticeSkew(key: GrantKey, { rotatedAt }: Grant): void {
    const time = now()
    if (ageOf(rotatedAt, time) !== Number.POSITIVE_INFINITY || ageOf(skewReportedAt, time) < 60) return
    skewReportedAt = time
    const detail = `a grant was written ${rotatedAt - time} s ahead of the clock of this instance`
    emit({ type: 'failed', reason: 'clock-skew', detail, grant: formatGrantKey(key) })
  }

  function judge(key: GrantKey, value: unknown): Grant {
    const grant = decodeGrant(value)
    if (grant === 'newer' && isOfOtherInstance((value as { rotatedAt?: unknown }).rotatedAt))
      throw tryAgain('record-of-another-version', key)
    if (grant === 'newer' || !grant) throw unreadable(key)
    if (isSealedByOther(grant)) throw tryAgain('secret-unknown', key)
    noticeSkew(key, grant)
    return grant
  }

  async function read(key: GrantKey): Promise<FoundGrant | undefined> {
    const found = await store.get(recordKey(key)).catch((cause: unknown) => {
      throw cause instanceof UnreadableRecord ? unreadable(key) : cause
    })
    if (!found) return undefined
    const grant = judge(key, found.value)
    return grant.expiresAt <= now() ? undefined : { grant, version: found.version }
  }

  return {
    read,
    open(key, found) {
      const grant = found instanceof UnreadableRecord ? undefined : decodeGrant(found.value)
      if (grant && grant !== 'newer') return grant.expiresAt > now() ? grant : undefined
      emit({ type: 'failed', reason: 'record-unreadable', grant: formatGrantKey(key), user: key.user })
      return 'unreadable'
    },
    async hasUnknownSecret(key) {
      const found = await store.get(recordKey(key)).catch(() => undefined)
      const grant = found && decodeGrant(found.value)
      return grant !== undefined && grant !== 'newer' && isSealedByOther(grant)
    },
  }
}

const unreadable = (key: GrantKey) => invalidGrant('record-unreadable', formatGrantKey(key))

const tryAgain = (reason: 'record-of-another-version' | 'secret-unknown', key: GrantKey) =>
  new OAuthError('temporarily_unavailable', 'The server cannot read what it stored, try again', {
    reason,
    detail: formatGrantKey(key),
    retryAfter: seconds.retryLater,
  })
