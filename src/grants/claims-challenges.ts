import { digest } from '../crypto/digest.ts'
import type { Store } from '../ports.ts'
import { seconds } from '../timing.ts'

/** Claims that a provider demands of a user before it exchanges more tokens, as the JSON text of its error. */
export interface ClaimsChallenges {
  /** Keeps a challenge for the next sign-in of a user. */
  keep(user: string, claims: string): Promise<void>
  find(user: string): Promise<string | undefined>
  drop(user: string): Promise<void>
}

export function createClaimsChallenges(store: Store, issuer: string): ClaimsChallenges {
  // Another deployment on the same storage may have another provider for the same user.
  const keyOf = (user: string) => `claims:${digest(`${issuer}\n${user}`)}`
  return {
    keep: (user, claims) => store.set(keyOf(user), { claims }, seconds.claimsChallenge),
    find: async (user) => ((await store.get(keyOf(user)))?.value as { claims?: string } | undefined)?.claims,
    drop: (user) => store.delete(keyOf(user)),
  }
}
