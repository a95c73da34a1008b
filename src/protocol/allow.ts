import type { Identity } from '../ports.ts'

/** What a rule may be; a team is named with its organisation. */
export const ALLOW_RULE: RegExp =
  /^(?!team:[^/]*$)(@?[^\s@]+\.[^\s@]+|[^\s@]+@[^\s@]+|(group|sub|org):.+|team:[^/]+\/.+)$/

/** Whether rules ask which organisations and teams somebody belongs to: some providers are asked for that only then. */
export const asksForMemberships = (rules: unknown): boolean =>
  Array.isArray(rules) && rules.some((rule) => /^(org|team):/.test(rule))

/**
 * Whether somebody may come in by a list of `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x` and
 * `sub:x`. An e-mail address counts only where the provider calls it verified: others anybody can claim.
 */
export function isAllowed(
  { subject, email, emailVerified, claims }: Identity,
  rules: readonly string[],
): boolean {
  const address = emailVerified === true ? email?.toLowerCase() : undefined
  const domain = address?.slice(address.lastIndexOf('@'))
  const groups = [claims.groups, claims.roles].flat()
  const orgs = lowerCase([claims.organizations, claims.organization, claims.org_id])
  const teams = lowerCase([claims.teams])
  return rules.some((rule) => {
    if (rule.startsWith('sub:')) return rule.slice(4) === subject
    if (rule.startsWith('group:')) return groups.includes(rule.slice(6))
    const wanted = rule.toLowerCase()
    if (wanted.startsWith('org:')) return orgs.includes(wanted.slice(4))
    if (wanted.startsWith('team:')) return teams.includes(wanted.slice(5))
    return wanted.startsWith('@') ? wanted === domain : wanted === address
  })
}

/** Names of organisations and teams are the same in any case. */
const lowerCase = (claims: readonly unknown[]): string[] =>
  claims.flat().flatMap((claim) => (typeof claim === 'string' ? [claim.toLowerCase()] : []))
