import { createBoundedMap } from '../bounded-map.ts'
import type { Connection, Decision, Grant } from '../grants/grant.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import { signInConnection } from '../grants/record.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** Lets one instance at a time refresh a grant's tokens, and remembers whether a response was lost. */
export interface Leases {
  /**
   * Lets one instance at a time refresh, because many providers accept a refresh token once and treat a second use as
   * theft. The same write records the attempt, so that an instance that takes over after a crash knows that the token
   * may have been used.
   *
   * @param seen The grant as it was read. A lease is only given for the tokens in it.
   */
  take(key: GrantKey, seen: Grant, upstream: Upstream): Promise<boolean>
  /** Ends a lease after a failure. @param about.lost The provider may have replaced the tokens. */
  giveBack(key: GrantKey, about: { lost: boolean; upstream: Upstream }): Promise<void>
  /** Returns `true` if an attempt is recorded whose response was not saved. */
  isMarked(grant: Grant): boolean
  /** Returns `true` if attempts at this provider are recorded. */
  marks(upstream: Upstream): boolean
}

/** Leases of other instances that are remembered. */
const GRANTS = 10_000

export function createLeases(grants: Grants, now: Clock): Leases {
  const shared = grants.consistency === 'atomic'
  // A refresh token that is never replaced may be sent any number of times. Eventually consistent stores accept about
  // one write a second, and the one that saves the new tokens must not be the second.
  const marks = ({ rotation }: Upstream) => rotation !== 'never' && grants.consistency !== 'eventual'

  /**
   * The leases of others, and when this process first saw each, in milliseconds of the process. Clocks of instances
   * differ, so a lease counts as abandoned once this process itself has seen it for its whole length.
   */
  const seenLeases = createBoundedMap<string, { readonly until: number; readonly at: number }>({
    entries: GRANTS,
  })

  function isHeld(key: GrantKey, until: number | undefined): boolean {
    const name = recordKey(key)
    if (until === undefined) {
      seenLeases.delete(name)
      return false
    }
    const left = until - now()
    // No healthy clock differs by more than this. Either the lease expired long ago, or its clock is wrong.
    if (left < -seconds.leaseSkew || left > seconds.refreshLease + seconds.leaseSkew) return false
    const seen = seenLeases.get(name)
    if (seen?.until !== until) {
      seenLeases.set(name, { until, at: performance.now() })
      return true
    }
    return performance.now() - seen.at < seconds.refreshLease * 1000
  }

  return {
    marks,
    isMarked: (grant) => connectionOf(grant)?.askedAt !== undefined,
    async take(key, seen, upstream) {
      const marked = marks(upstream)
      if (!shared && !marked) return true
      const outcome = await grants.change(key, (grant): Decision<boolean> => {
        const connection = connectionOf(grant)
        const isChanged = connection?.sealed !== connectionOf(seen)?.sealed
        const isTaken = shared && isHeld(key, connection?.leasedUntil)
        if (!connection || isChanged || isTaken) return { type: 'keep', result: false }
        const next = {
          ...connection,
          ...(shared && { leasedUntil: now() + seconds.refreshLease }),
          ...(marked && { askedAt: connection.askedAt ?? now() }),
        }
        return { type: 'write', grant: withConnection(grant, next), result: true }
      })
      return outcome.type === 'done' && outcome.result
    },
    async giveBack(key, { lost, upstream }) {
      if (!shared && !(marks(upstream) && !lost)) return
      await grants.change(key, (grant): Decision<undefined> => {
        const connection = connectionOf(grant)
        if (!connection) return { type: 'keep', result: undefined }
        const { sealed, askedAt } = connection
        const next = { sealed, ...(lost && askedAt !== undefined && { askedAt }) }
        return { type: 'write', grant: withConnection(grant, next), result: undefined }
      })
    },
  }
}

const connectionOf = (grant: Grant): Connection | undefined => grant.connections[signInConnection(grant)]

const withConnection = (grant: Grant, connection: Connection): Grant => ({
  ...grant,
  connections: { ...grant.connections, [signInConnection(grant)]: connection },
})
