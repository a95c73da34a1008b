import type { Identity } from '../ports.ts'

/** What a rule may be; a team is named with its organisation, and a provider may stand before what it says. */
export const ALLOW_RULE: RegExp =
  /^(?!([\w-]+\/)?team:[^/]*$)(@?[^\s@]+\.[^\s@]+|[^\s@]+@[^\s@]+|([\w-]{1,64}\/)?((group|sub|org):.+|team:[^/]+\/.+))$/

/** A rule, and the provider whose word it takes; any provider's where it names none. */
function parseRule(rule: string): { provider: string | undefined; what: string } {
  const [, provider, what = rule] = /^([\w-]{1,64})\/((?:@|group:|sub:|org:|team:).+)$/.exec(rule) ?? []
  return { provider, what }
}

/** Whether a rule means somebody else at each provider: `org:acme` of one may be registered by anybody at another. */
export const isVague = (rule: string): boolean => /^(group|sub|org|team):/.test(rule)

/** The provider a rule names. */
export const providerOfRule = (rule: string): string | undefined => parseRule(rule).provider

/** Whether rules ask which organisations and teams somebody belongs to at a provider: some are asked only then. */
export const asksForMemberships = (rules: unknown, provider: string): boolean =>
  Array.isArray(rules) &&
  rules.map(parseRule).some((rule) => counts(rule.provider, provider) && /^(org|team):/.test(rule.what))

const counts = (named: string | undefined, provider: string | undefined): boolean =>
  named === undefined || named === provider

/**
 * Whether somebody may come in by a list of `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x` and
 * `sub:x`. An e-mail address counts only where the provider calls it verified: others anybody can claim.
 *
 * @param provider The id of the one who says so: rules such as `github/org:x` take nobody else's word.
 */
export function isAllowed(
  { subject, email, emailVerified, claims }: Identity,
  rules: readonly string[],
  provider?: string,
): boolean {
  const address = emailVerified === true ? email?.toLowerCase() : undefined
  const domain = address?.slice(address.lastIndexOf('@'))
  const groups = [claims.groups, claims.roles].flat()
  const orgs = lowerCase([claims.organizations, claims.organization, claims.org_id])
  const teams = lowerCase([claims.teams])
  return rules.map(parseRule).some(({ provider: named, what }) => {
    if (!counts(named, provider)) return false
    if (what.startsWith('sub:')) return what.slice(4) === subject
    if (what.startsWith('group:')) return groups.includes(what.slice(6))
    const wanted = what.toLowerCase()
    if (wanted.startsWith('org:')) return orgs.includes(wanted.slice(4))
    if (wanted.startsWith('team:')) return teams.includes(wanted.slice(5))
    return wanted.startsWith('@') ? wanted === domain : wanted === address
  })
}

/** Names of organisations and teams are the same in any case. */
const lowerCase = (claims: readonly unknown[]): string[] =>
  claims.flat().flatMap((claim) => (typeof claim === 'string' ? [claim.toLowerCase()] : []))
