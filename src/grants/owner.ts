import type { EventBase } from '../events/event.ts'
import { type Grant, isOfWorkload, providerOf } from './grant.ts'
import { formatGrantKey, type GrantKey } from './grant-key.ts'

/** The parties of a grant, as every event about it names them. */
export interface Owner extends Pick<EventBase, 'client' | 'resource' | 'provider'> {
  readonly user: string
  readonly grant: string
}

/** In front of the id of a workload, which then equals that of no person. */
export const WORKLOAD_PREFIX = 'workload:'

/** Returns the keyed hash in an id, as the keys of grants have it. */
export const hashOf = (id: string): string =>
  id.startsWith(WORKLOAD_PREFIX) ? id.slice(WORKLOAD_PREFIX.length) : id

/** Returns the id by which MCP servers know the party of a grant. */
export const principalOf = ({ user }: GrantKey, grant: Pick<Grant, 'origin'>): string =>
  isOfWorkload(grant) ? WORKLOAD_PREFIX + user : user

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
