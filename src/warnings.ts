import { proxyProblems } from '#outbound'
import type { ConfigIssue } from './errors.ts'
import { longLivedTokens } from './options/access-token.ts'
import { misspelledMethods } from './options/misspelled-methods.ts'
import type { ProxyOptions, Settings } from './options/options.ts'
import { overlappingTargets } from './options/overlapping-targets.ts'
import { ownAddresses } from './options/own-addresses.ts'
import { undefinedBounds } from './options/undefined-bounds.ts'
import { isOwnLogin } from './options/upstream.ts'
import { DEVELOPMENT_USERS, openDoor, unmetRules } from './upstream/unmet-rules.ts'

const SEVERAL_SECRETS: ConfigIssue = {
  path: 'secret',
  message:
    'has several secrets, and the ids of users follow one of them. When you remove that one, set `userIdSecret` (LOCKGATE_USER_ID_SECRET) to it, and users keep their ids',
}

/** Returns the issue of a secret that was removed, although the ids of users follow it. @param keyId Reveals nothing about it. */
export const removedIdSecret = (keyId: string): ConfigIssue => ({
  path: 'secret',
  message: `lacks the secret that the ids of users follow (key ${keyId}), so that every user would get a new id; set \`userIdSecret\` (LOCKGATE_USER_ID_SECRET) to that secret to keep the ids, or to a current one to accept new ids`,
})

/** Returns what is allowed, but probably not meant. No message contains a secret or an address of a person. */
export function warningsOf(
  { issuer, resources, allow, upstream, secrets, userIdSecret }: Settings,
  options: ProxyOptions,
): ConfigIssue[] {
  const places = typeof upstream === 'function' ? [] : upstream
  const known = places.map((one) =>
    isOwnLogin(one) ? (one.development ? DEVELOPMENT_USERS : undefined) : one,
  )
  const providers = known.filter((one) => one !== undefined)
  return [
    ...openDoor(allow, providers),
    ...ownAddresses(issuer, resources),
    ...overlappingTargets(resources),
    ...longLivedTokens(resources),
    ...misspelledMethods(resources),
    ...(new Set(secrets).size > 1 && userIdSecret === undefined ? [SEVERAL_SECRETS] : []),
    // The application's own sign-in may tell anything about a user.
    ...(providers.length === known.length ? unmetRules(allow, providers) : []),
    ...undefinedBounds(options),
    ...proxyProblems,
  ]
}
