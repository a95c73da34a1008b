import type { Call, Context } from '../context.ts'
import type { Grant } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import { ownerOf } from '../grants/owner.ts'

/** Reports the end of a grant, and ends the provider's tokens behind the client's back: no answer waits for it. */
export function endUpstream(
  { grants, endTokens, emit }: Context,
  call: Call,
  key: GrantKey,
  { grant, reason }: { grant: Grant; reason: string },
): void {
  const owner = ownerOf(key, grant)
  emit({ type: 'grant-ended', ...owner, reason })
  call.defer(Promise.resolve().then(() => endTokens(owner, grants.openTokens(key, grant))))
}
