import type { Identity } from '../ports.ts'

/** The form of a rule. A team is named with its organization. A rule may begin with a provider. */
export const ALLOW_RULE: RegExp =
  /^(?!([\w-]+\/)?team:[^/]*$)(@?[^\s@]+\.[^\s@]+|[^\s@]+@[^\s@]+|([\w-]{1,64}\/)?((group|sub|org):.+|team:[^/]+\/.+))$/

/** Splits a rule into its provider and the rest. A rule without a provider is for all of them. */
function parseRule(rule: string): { provider: string | undefined; what: string } {
  const [, provider, what = rule] = /^([\w-]{1,64})\/((?:@|group:|sub:|org:|team:).+)$/.exec(rule) ?? []
  return { provider, what }
}

/** Tells whether a rule means different users at each provider: any person can register the name `acme` at another one. */
export const isVague = (rule: string): boolean => /^(group|sub|org|team):/.test(rule)

/** Returns the provider that a rule names. */
export const providerOfRule = (rule: string): string | undefined => parseRule(rule).provider

/** Returns the memberships that rules need of a provider. Some providers are asked for them only then. */
export function neededMemberships(
  rules: unknown,
  provider: string,
): { memberships: boolean; groups: boolean } {
  const own = Array.isArray(rules)
    ? rules.map(parseRule).filter((rule) => counts(rule.provider, provider))
    : []
  return {
    memberships: own.some(({ what }) => /^(org|team):/.test(what)),
    groups: own.some(({ what }) => what.startsWith('group:')),
  }
}

const counts = (named: string | undefined, provider: string | undefined): boolean =>
  named === undefined || named === provider

/**
 * Tells whether a list of `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x` and `sub:x` admits a user. An
 * e-mail address counts only if the provider verified it, because a user can claim any other address.
 *
 * @param provider The id of the user's provider. A rule such as `github/org:x` is only for users of that provider.
 */
export function isAllowed(
  { subject, email, emailVerified, claims }: Identity,
  rules: readonly string[],
  provider?: string,
): boolean {
  const address = emailVerified === true && isPlainAddress(email) ? toLower(email) : undefined
  const domain = address?.slice(address.lastIndexOf('@'))
  const groups = [claims.groups, claims.roles].flat()
  const orgs = lowerCase([claims.organizations, claims.organization, claims.org_id])
  const teams = lowerCase([claims.teams])
  return rules.map(parseRule).some(({ provider: named, what }) => {
    if (!counts(named, provider)) return false
    if (what.startsWith('sub:')) return what.slice(4) === subject
    // Keycloak names groups by their path.
    if (what.startsWith('group:'))
      return groups.includes(what.slice(6)) || groups.includes(`/${what.slice(6)}`)
    const wanted = toLower(what)
    if (wanted.startsWith('org:')) return orgs.includes(wanted.slice(4))
    if (wanted.startsWith('team:')) return teams.includes(wanted.slice(5))
    return wanted.startsWith('@') ? wanted === domain : wanted === address
  })
}

/**
 * Tells whether an address has printable ASCII characters only. Other characters can look like these, or become these in
 * lower case.
 */
export const isPlainAddress = (email: string | undefined): email is string =>
  email !== undefined && /^[\x21-\x7e]+$/.test(email)

/** Returns a text with the letters A to Z in lower case, and no other letter changed. */
const toLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Returns names in lower case, because organizations and teams are compared without regard to case. */
const lowerCase = (claims: readonly unknown[]): string[] =>
  claims.flat().flatMap((claim) => (typeof claim === 'string' ? [toLower(claim)] : []))
