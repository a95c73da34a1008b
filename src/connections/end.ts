import { StatedError } from '../errors.ts'
import { describeError } from '../events/describe-error.ts'
import type { Emit } from '../events/event.ts'
import type { Grants } from '../grants/grants.ts'
import type { Owner } from '../grants/owner.ts'
import type { KeepAlive, UpstreamTokens } from '../ports.ts'
import { ms } from '../timing.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { otherGrants } from './other-grants.ts'
import { retrying } from './retry.ts'

/**
 * Revokes tokens at the owner's provider, if the provider offers that. Never rejects: a failure becomes an event that
 * names the owner.
 *
 * @param tokens The tokens, or a function that reads them from the record. Absent for a user who signed in at the
 * application itself, and for a client's own grant.
 * @param report Emits the failure as an event of the request that revokes the tokens.
 */
export type EndTokens = (
  owner: Partial<Owner>,
  tokens: UpstreamTokens | (() => UpstreamTokens | undefined) | undefined,
  report?: Emit,
) => Promise<void>

/**
 * Revoking a token twice does no harm, so every temporary failure is retried. At some providers one revocation ends
 * every grant of the user: there only the last one revokes, and the tokens of the others are dropped.
 */
export function createEndTokens(ports: {
  upstreams: Upstreams
  grants: Grants
  emit: Emit
  keepAlive: KeepAlive
}): EndTokens {
  async function end(...[owner, given, report = ports.emit]: Parameters<EndTokens>): Promise<void> {
    try {
      const tokens = typeof given === 'function' ? given() : given
      if (!tokens) return
      const upstream = ports.upstreams.find(owner.provider)
      if (!upstream) throw new StatedError('the provider of the grant is not configured, or not known yet')
      if (upstream.revocationEnds === 'authorization' && (await otherGrants(ports, owner)).length > 0) return
      await retrying(
        () => upstream.revoke(tokens),
        { pauses: ms.revokePauses, within: ms.revokeWithin },
        (error) => (error instanceof UpstreamUnavailable ? (error.again ?? 0) : undefined),
      )
    } catch (error) {
      report({ type: 'failed', ...owner, reason: 'provider-tokens-not-revoked', error: describeError(error) })
    }
  }

  return (...about) => {
    const ending = end(...about)
    // It goes on after the response, and after the end of a grant that no request waits for.
    ports.keepAlive(ending)
    return ending
  }
}
