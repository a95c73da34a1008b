import type { Emit } from '../events/event.ts'
import type { Grant } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { EndTokens } from './end.ts'

/** A used code or token came again: it leaked, or a client runs twice. */
export const REUSE: ReadonlySet<ReasonCode> = new Set(['code-replayed', 'refresh-token-reused'])

/** Reports the end of a grant, and revokes the provider's tokens after the response. */
export function reportEnd(
  { grants, endTokens }: { readonly grants: Grants; readonly endTokens: EndTokens },
  call: { readonly emit: Emit; defer(work: Promise<unknown>): void },
  key: GrantKey,
  { grant, reason }: { grant: Grant; reason: ReasonCode },
): void {
  const owner = ownerOf(key, grant)
  if (REUSE.has(reason)) call.emit({ type: 'reuse-detected', ...owner, reason })
  call.emit({ type: 'grant-ended', ...owner, reason })
  call.defer(
    endTokens(
      owner,
      () => grants.tokensOf(key, grant),
      (event) => call.emit(event),
    ),
  )
}
