import { digest } from '../crypto/digest.ts'
import type { UserIds } from '../grants/user-ids.ts'
import type { Settings, WorkloadRule } from '../options/options.ts'
import type { Identity, KeepAlive, Store } from '../ports.ts'
import { isPlainAddress } from '../protocol/allow.ts'
import { type AssertionUse, idOf, memberOf, textOf } from '../protocol/assertion.ts'
import { matchesClaims } from '../protocol/claim-rules.ts'
import { personalClaims, samlSubject } from '../protocol/id-jag.ts'
import { createVerifier, type Verified, type Verifier } from './verifier.ts'

/** Accepts assertions of trusted issuers. Absent from the context if no issuer is trusted. */
export interface Assertions extends Pick<Verifier, 'trusts' | 'verify'> {
  /**
   * Notes that an assertion was used, so that no instance accepts it again. Call it last: a refused assertion stays usable.
   *
   * @throws {OAuthError} `invalid_grant` if it was used before.
   */
  spend(verified: Verified, use: AssertionUse): Promise<void>
  /**
   * Returns the person of an ID-JAG: the same as at the sign-in, if the entry says so.
   *
   * @throws {OAuthError} `invalid_grant` if the entry names a SAML issuer, and the assertion no user of it.
   */
  personOf(verified: Verified): Identity
  /** Returns a keyed hash of the party that acts for the person, for events. */
  actorOf(verified: Verified): Promise<string | undefined>
  /** Returns the identity of a workload, which equals that of no person. */
  workloadOf(verified: Verified): Identity
  /**
   * Returns the rules that match the claims of a workload.
   *
   * @throws {OAuthError} `invalid_grant` if no rule does.
   */
  rulesFor(verified: Verified): readonly WorkloadRule[]
  /** Tells whether an issuer is trusted. */
  knows(issuer: string): boolean
}

export function createAssertions(
  { trustedIssuers, issuer, fetch, now }: Settings,
  { userIds, store, keepAlive }: { userIds: UserIds; store: Store; keepAlive?: KeepAlive | undefined },
): Assertions | undefined {
  if (trustedIssuers.length === 0) return undefined
  const naming = async () => {
    const nameUser = await userIds.naming()
    return (from: string, subject: string) => nameUser({ issuer: from, subject, claims: {} })
  }
  const { trusts, verify } = createVerifier(trustedIssuers, { fetch, now, keepAlive, naming })
  const known = new Set(trustedIssuers.map((entry) => entry.issuer))

  return {
    trusts,
    verify,
    knows: (name) => known.has(name),
    async spend({ issuer: entry, claims, expiresAt, refuse }, use) {
      const { replay = use === 'id-jag' ? 'refuse' : 'allow', clockSkew } = entry
      if (replay === 'allow') return
      const jti = idOf(claims)
      if (jti === undefined) throw refuse('assertion-claims', 'jti')
      const key = `assertion:${digest(JSON.stringify([entry.issuer, jti]))}`
      const isNew = await store.swap(key, undefined, { usedAt: now() }, expiresAt - now() + 2 * clockSkew + 1)
      if (!isNew) throw refuse('assertion-replayed')
    },
    personOf({ issuer: entry, claims, subject: sub, refuse }) {
      const { samlIssuer } = entry
      const subject = samlIssuer === undefined ? sub : samlSubject(claims, samlIssuer)
      if (subject === undefined) throw refuse('assertion-claims', 'sub_id')
      const email = textOf(claims.email)
      return {
        issuer: entry.subjectsOf,
        tenant: textOf(claims.tenant),
        subject,
        email,
        emailVerified:
          (claims.email_verified === undefined || claims.email_verified === true) &&
          isVouchedFor(email, entry.emailDomains),
        name: textOf(claims.name),
        claims: personalClaims(claims),
      }
    },
    async actorOf({ issuer: entry, claims }) {
      const actor = textOf(memberOf(claims, 'act')?.sub)
      return actor === undefined ? undefined : (await naming())(entry.issuer, actor)
    },
    // No provider has this issuer, and no client or API key.
    workloadOf: ({ issuer: entry, claims, subject }) => ({
      issuer: `${issuer}#workloads`,
      tenant: entry.issuer,
      subject,
      name: subject,
      claims: personalClaims(claims),
    }),
    rulesFor({ issuer: entry, claims, refuse }) {
      const matching = (entry.rules ?? []).filter(({ match }) => matchesClaims(claims, match))
      if (matching.length === 0) throw refuse('workload-without-rule')
      return matching
    },
  }
}

/** The domain counts as it is: no part of an address is dropped. */
function isVouchedFor(email: string | undefined, domains: readonly string[] | undefined): boolean {
  const domain = email?.slice(email.lastIndexOf('@') + 1).toLowerCase()
  return domain !== undefined && isPlainAddress(email) && (domains?.includes(domain) ?? false)
}
