import type { Connection, Decision, Grant } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
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

export function createLeases(grants: Grants, now: Clock): Leases {
  const shared = grants.consistency === 'atomic'
  // A refresh token that is never replaced may be sent any number of times. Eventually consistent stores accept about
  // one write a second, and the one that saves the new tokens must not be the second.
  const marks = ({ rotation }: Upstream) => rotation !== 'never' && grants.consistency !== 'eventual'

  return {
    marks,
    isMarked: (grant) => connectionOf(grant)?.askedAt !== undefined,
    async take(key, seen, upstream) {
      const marked = marks(upstream)
      if (!shared && !marked) return true
      const outcome = await grants.change(key, (grant): Decision<boolean> => {
        const connection = connectionOf(grant)
        const isChanged = connection?.sealed !== connectionOf(seen)?.sealed
        const isTaken = shared && (connection?.leasedUntil ?? 0) > now()
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
