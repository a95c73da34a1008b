import type { Identity } from '../ports.ts'

/**
 * Whether somebody may come in by a list of `user@example.com`, `@example.com`, `group:x` and `sub:x`. An e-mail
 * address counts only where the provider calls it verified: others anybody can claim.
 */
export function isAllowed(
  { subject, email, emailVerified, claims }: Identity,
  rules: readonly string[],
): boolean {
  const address = emailVerified === true ? email?.toLowerCase() : undefined
  const domain = address?.slice(address.lastIndexOf('@'))
  const groups = [claims.groups, claims.roles].flat()
  return rules.some((rule) => {
    if (rule.startsWith('sub:')) return rule.slice(4) === subject
    if (rule.startsWith('group:')) return groups.includes(rule.slice(6))
    const wanted = rule.toLowerCase()
    return wanted.startsWith('@') ? wanted === domain : wanted === address
  })
}
