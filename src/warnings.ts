import type { ConfigIssue } from './errors.ts'
import { longLivedTokens } from './options/access-token.ts'
import type { Settings } from './options/options.ts'
import { overlappingTargets } from './options/overlapping-targets.ts'
import { isOwnLogin } from './options/upstream.ts'
import { unmetRules } from './upstream/unmet-rules.ts'

/** Returns what is allowed, but probably not meant. No message contains a secret or an address of a person. */
export function warningsOf({ resources, allow, upstream }: Settings): ConfigIssue[] {
  const places = typeof upstream === 'function' ? [] : upstream
  const providers = places.flatMap((one) => (isOwnLogin(one) ? [] : [one]))
  return [
    ...overlappingTargets(resources),
    ...longLivedTokens(resources),
    // The application's own sign-in may tell anything about a user.
    ...(providers.length === places.length ? unmetRules(allow, providers) : []),
  ]
}
