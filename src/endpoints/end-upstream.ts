import type { Call, Context } from '../context.ts'
import type { Grant } from '../grants/grant.ts'
import { formatGrantKey, type GrantKey } from '../grants/grant-key.ts'

/** Reports the end of a grant, and ends the provider's tokens behind the client's back: no answer waits for it. */
export function endUpstream(
  { grants, upstream, emit }: Context,
  call: Call,
  key: GrantKey,
  { grant, reason }: { grant: Grant; reason: string },
): void {
  emit({ type: 'grant-ended', client: grant.client, user: key.user, grant: formatGrantKey(key), reason })
  call.defer(Promise.resolve().then(() => upstream.revoke(grants.openTokens(key, grant))))
}
