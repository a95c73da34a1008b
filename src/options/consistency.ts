import type { Store } from '../ports.ts'
import type { Report } from './report.ts'
import type { Resource } from './resource.ts'
import { isOwnLogin, type UpstreamSettings } from './upstream.ts'

/**
 * Refuses what an eventually consistent store cannot hold: two places would send one refresh token to a provider that
 * accepts it once, and the provider would end the sign-in.
 */
export function checkConsistency(
  { storage }: { readonly storage?: Store },
  { upstream, resources }: UpstreamSettings & { readonly resources: readonly Resource[] },
  report: Report,
): void {
  // An option that is missing is reported elsewhere.
  if (storage?.consistency !== 'eventual' || typeof upstream === 'function') return
  const rotating = upstream.find((place) => !isOwnLogin(place) && place.rotation === 'always')
  for (const [index, { forward }] of rotating ? resources.entries() : []) {
    if (forward !== 'upstream-token') continue
    report(
      `mcp.${index}.forward`,
      `cannot be upstream-token with this storage, because ${rotating!.name} replaces refresh tokens: use a Durable Object, Redis or PostgreSQL`,
      'upstream',
    )
  }
}
