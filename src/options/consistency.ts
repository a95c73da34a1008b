import type { Store } from '../ports.ts'
import type { Report } from './report.ts'
import type { Resource } from './resource.ts'
import type { SigningSettings } from './signing.ts'
import { isOwnLogin, type UpstreamSettings } from './upstream.ts'

/**
 * Refuses what an eventually consistent store cannot hold. Two places would send one refresh token to a provider that
 * accepts it once, and the provider would end the sign-in. And each place would sign with a key of its own.
 */
export function checkConsistency(
  { storage }: { readonly storage?: Store },
  {
    upstream,
    resources,
    signing,
  }: UpstreamSettings & SigningSettings & { readonly resources: readonly Resource[] },
  report: Report,
): void {
  // An option that is missing is reported elsewhere.
  if (storage?.consistency !== 'eventual') return
  if (
    !signing.given &&
    resources.some(({ signed, identity }) => signed !== undefined || identity !== undefined)
  ) {
    report(
      'signing.keys',
      'is required with this storage, because two locations could make different keys: set your own',
      'mcp',
    )
  }
  if (typeof upstream === 'function') return
  const rotating = upstream.find((place) => !isOwnLogin(place) && place.rotation === 'always')
  for (const [index, { forward, exchange }] of rotating ? resources.entries() : []) {
    if (forward !== 'upstream-token' && !exchange) continue
    report(
      `mcp.${index}.${exchange ? 'upstreamToken' : 'forward'}`,
      `cannot send the token of a user with this storage, because ${rotating!.name} replaces refresh tokens: use a Durable Object, Redis or PostgreSQL`,
      'upstream',
    )
  }
}
