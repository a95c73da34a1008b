import type { EventBase } from '../events/event.ts'
import { type Grant, providerOf } from './grant.ts'
import { formatGrantKey, type GrantKey } from './grant-key.ts'

/** The parties of a grant, as every event about it names them. */
export interface Owner extends Pick<EventBase, 'client' | 'resource' | 'provider'> {
  readonly user: string
  readonly grant: string
}

/** Returns the parties of a grant, as far as they are known. @param grant Absent if the record is gone or unreadable. */
export const ownerOf = (
  key: GrantKey,
  grant: Pick<Grant, 'client' | 'resource' | 'origin'> | undefined,
): Owner => ({
  client: grant?.client,
  user: key.user,
  grant: formatGrantKey(key),
  resource: grant?.resource,
  provider: grant && providerOf(grant),
})
