import { describeError, type Emit } from '../events/event.ts'
import type { Owner } from '../grants/owner.ts'
import type { UpstreamTokens } from '../ports.ts'
import { ms } from '../timing.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { retrying } from './retry.ts'

/**
 * Ends tokens at the owner's provider, where it offers that. Never rejects: what it could not do is an event, which
 * says whose they are.
 *
 * @param report Of the request that ends them, where one does.
 */
export type EndTokens = (owner: Partial<Owner>, tokens: UpstreamTokens, report?: Emit) => Promise<void>

/** To end a token twice harms nobody, so whatever went wrong on the way is tried again. */
export const createEndTokens =
  ({ upstreams, emit }: { upstreams: Upstreams; emit: Emit }): EndTokens =>
  async (owner, tokens, report = emit) => {
    // Who signed in at the application itself, or a client for itself, has none.
    if (tokens.accessToken === '') return
    try {
      const upstream = upstreams.find(owner.provider)
      if (!upstream) throw new TypeError('the provider of the grant is not configured, or was not met yet')
      await retrying(
        () => upstream.revoke(tokens),
        { pauses: ms.revokePauses, within: ms.revokeWithin },
        () => true,
      )
    } catch (error) {
      report({ type: 'failed', ...owner, reason: 'provider-tokens-not-ended', error: describeError(error) })
    }
  }
