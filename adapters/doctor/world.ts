import { parseUrl } from '../../src/internal.ts'
import type { Discovery } from './discovery.ts'
import type { Finding } from './finding.ts'
import type { Probe } from './probe.ts'
import type { Registrations } from './registrations.ts'

/** What checks judge. */
export interface World extends Discovery {
  readonly probe: Probe
  /** Milliseconds for one request. */
  readonly timeout: number
  /** An access token for the server, where the caller has one. */
  readonly token: string | undefined
  /** Absent where the server offers no registration. */
  readonly registrations: Registrations | undefined
}

/** Looks at one aspect. A check asks what it needs, and finds each thing at most once. */
export type Check = (world: World) => Finding[] | Promise<Finding[]>

/** A member of the server's metadata, where it is a list of texts. */
export function listOf(world: Pick<World, 'server'>, member: string): readonly string[] | undefined {
  const value = world.server?.document[member]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : undefined
}

/** A member of the server's metadata, where it is an address. */
export function endpointOf(world: Pick<World, 'server'>, member: string): string | undefined {
  const value = world.server?.document[member]
  return typeof value === 'string' && parseUrl(value) ? value : undefined
}
