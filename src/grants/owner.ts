import type { ProxyEvent } from '../events/event.ts'
import type { Grant } from './grant.ts'
import { formatGrantKey, type GrantKey } from './grant-key.ts'

/** Whose a grant is, as every event about it says. */
export type Owner = Pick<ProxyEvent, 'client' | 'user' | 'grant' | 'resource' | 'provider'>

/** @param grant As far as it is known: the record may be gone. */
export const ownerOf = (
  key: GrantKey,
  grant: Pick<Grant, 'client' | 'resource' | 'provider'> | undefined,
): Owner => ({
  client: grant?.client,
  user: key.user,
  grant: formatGrantKey(key),
  resource: grant?.resource,
  provider: grant?.provider,
})
