import { type Grant, providerOf } from '../grants/grant.ts'
import { formatGrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import type { Owner } from '../grants/owner.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Upstreams } from '../upstream/upstreams.ts'

/**
 * Returns the user's living grants at the same provider, without the one that `owner` names. Empty if the user is not
 * known.
 */
export async function otherGrants(
  { grants, upstreams }: { readonly grants: Grants; readonly upstreams: Upstreams },
  { user, grant: own, provider }: Partial<Owner>,
): Promise<Grant[]> {
  const others: Grant[] = []
  if (user === undefined) return others
  const upstream = upstreams.find(provider)
  for await (const { key, grant } of grants.list(user)) {
    const isSame = upstreams.find(providerOf(grant)) === upstream
    if (isSame && formatGrantKey(key) !== own && grants.tokensOf(key, grant) !== undefined) others.push(grant)
  }
  return others
}

/** Explains the limit of sign-ins of a provider, if a newer sign-in of the user may have ended this one. */
export async function limitOf(
  ports: { readonly grants: Grants; readonly upstreams: Upstreams; readonly now: Clock },
  owner: Partial<Owner>,
  { grant, upstream }: { readonly grant: Grant; readonly upstream: Upstream },
): Promise<string | undefined> {
  const { tokensPerUser: limit, name } = upstream
  if (limit === undefined) return undefined
  const newer = (await otherGrants(ports, owner)).some(
    ({ createdAt }) => createdAt > grant.createdAt && createdAt > ports.now() - seconds.newerSignIn,
  )
  if (!newer) return undefined
  return `the user signed in again later, and ${name} keeps ${limit} sign-in(s) of a user and application`
}
