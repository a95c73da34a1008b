import type { ConfigIssue } from '../errors.ts'
import { parseRule } from '../protocol/allow.ts'
import type { Provider } from '../providers/provider.ts'

type Known = Pick<
  Provider,
  | 'id'
  | 'name'
  | 'identify'
  | 'identity'
  | 'memberships'
  | 'verifiesEmail'
  | 'requiredClaims'
  | 'publicAccounts'
> & {
  /** Tells whether a text can be the id of a user. Without it any can. */
  readonly isSubject?: ((text: string) => boolean) | undefined
}

/** The users of the sign-in for development: an address, which is also the id, and groups. */
export const DEVELOPMENT_USERS: Known = {
  id: 'dev',
  name: 'the sign-in for development',
  identify: undefined,
  identity: { from: 'token', subject: 'email', email: 'email', groups: ['groups'] },
  memberships: undefined,
  verifiesEmail: true,
  requiredClaims: undefined,
  publicAccounts: undefined,
  isSubject: (text) => /^[^@A-Z]+@[^@A-Z]+$/.test(text),
}

/** Returns a warning if nothing keeps strangers out of a provider where anyone can have an account. */
export function openDoor(allow: unknown, providers: readonly Known[]): ConfigIssue[] {
  const open = providers.find(({ publicAccounts }) => publicAccounts)
  if (allow !== undefined || open === undefined) return []
  const message = `is missing, and anyone can have an account at ${open.name}: name who may sign in`
  return [{ path: 'allow', message }]
}

/**
 * Returns a warning for each rule of `allow` that no user of the providers can meet, or only under a condition.
 *
 * @param allow The option; a function is not looked at.
 */
export function unmetRules(allow: unknown, providers: readonly Known[]): ConfigIssue[] {
  if (!Array.isArray(allow)) return []
  return (allow as readonly string[]).flatMap((rule, index) => {
    const { provider: named, tenant, what } = parseRule(rule)
    const judged = providers.filter(({ id }) => named === undefined || id === named)
    const problems = judged.map(
      (provider) => (tenant === undefined ? undefined : tenantProblem(provider)) ?? problemOf(what, provider),
    )
    // A rule is useful if one provider can meet it.
    if (judged.length === 0 || problems.includes(undefined)) return []
    return [{ path: `allow.${index}`, message: [...new Set(problems)].join('; ') }]
  })
}

const tenantProblem = ({ name, identity, identify }: Known): string | undefined =>
  identify || identity.tenant !== undefined ? undefined : `matches no user: ${name} names no tenants`

function problemOf(rule: string, provider: Known): string | undefined {
  const { name, identity, identify, memberships } = provider
  // Claims of an ID token or of userinfo may hold anything; other definitions know every claim that they set.
  const isOpen = !identify && identity.from !== 'token'
  if (rule.startsWith('sub:'))
    return provider.isSubject?.(rule.slice('sub:'.length)) === false
      ? `matches no user: the id of a user of ${name} is an address in lower case`
      : undefined
  if (rule.startsWith('group:'))
    return isOpen || identity.groups ? undefined : `matches no user: ${name} sends no groups`
  if (/^(org|team):/.test(rule))
    return isOpen || identity.orgs || memberships
      ? undefined
      : `matches no user: ${name} sends no organizations or teams`
  if (!/^[\x21-\x7e]+$/.test(rule))
    return 'matches no user: only ASCII is compared; write a domain in its `xn--` form'
  if (!rule.includes('@')) return 'matches no user: an address or a domain has an `@`'
  if (rule.includes('*')) return 'matches no user: `*` is no wildcard; `@example.com` admits a whole domain'
  return addressProblem(rule, provider)
}

function addressProblem(rule: string, provider: Known): string | undefined {
  const { name, identity, identify, requiredClaims = {} } = provider
  const verifies = provider.verifiesEmail ?? (identify !== undefined || identity.emailVerified !== undefined)
  if (verifies === false) return `matches no user: ${name} does not say that an address is verified`
  if (typeof verifies === 'string') return `matches users of ${name} only if ${verifies}`
  const { claim } = identity.emailDomains ?? {}
  const domain = rule.slice(rule.lastIndexOf('@') + 1).toLowerCase()
  const only = typeof claim === 'string' ? requiredClaims[claim] : undefined
  if (only !== undefined && only !== '*' && only !== domain)
    return `matches no user: ${name} admits only users of ${only}, and vouches for no other address`
  return undefined
}
