import type { ConfigIssue } from '../errors.ts'
import { type AllowRule, parseRule } from '../protocol/allow.ts'
import { ADDRESSES_ONLY, type RuleNames } from '../providers/parts/rule-names.ts'
import type { Provider } from '../providers/provider.ts'

type Known = Pick<
  Provider,
  | 'id'
  | 'name'
  | 'identify'
  | 'identity'
  | 'memberships'
  | 'groups'
  | 'verifiesEmail'
  | 'requiredClaims'
  | 'publicAccounts'
  | 'rules'
>

/** The users of the sign-in for development: an address, which is also the id, and groups. */
export const DEVELOPMENT_USERS: Known = {
  id: 'dev',
  name: 'the sign-in for development',
  identify: undefined,
  identity: { from: 'token', subject: 'email', email: 'email', groups: ['groups'] },
  memberships: undefined,
  groups: undefined,
  verifiesEmail: true,
  requiredClaims: undefined,
  publicAccounts: undefined,
  rules: {
    ...ADDRESSES_ONLY,
    group: 'any',
    sub: { form: /^[^@A-Z]+@[^@A-Z]+$/, expected: 'an address in lower case' },
  },
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
    const parsed = parseRule(rule)
    const { provider: named, tenant } = parsed
    const judged = providers.filter(({ id }) => named === undefined || id === named)
    const problems = judged.map(
      (provider) =>
        (tenant === undefined ? undefined : tenantProblem(provider)) ?? problemOf(parsed, provider),
    )
    // A rule is useful if one provider can meet it.
    if (judged.length === 0 || problems.includes(undefined)) return []
    return [{ path: `allow.${index}`, message: [...new Set(problems)].join('; ') }]
  })
}

const tenantProblem = ({ name, identity, identify }: Known): string | undefined =>
  identify || identity.tenant !== undefined ? undefined : `matches no user: ${name} names no tenants`

type NamedKind = Exclude<AllowRule['kind'], 'address'>

/** The things that rules name, in words. */
const WORDS = {
  group: { one: 'a group', many: 'groups' },
  org: { one: 'an organization', many: 'organizations' },
  team: { one: 'a team', many: 'teams' },
  sub: { one: 'the id of a user', many: 'ids' },
} as const

function problemOf({ kind, what: rule }: AllowRule, provider: Known): string | undefined {
  if (kind === 'address') return formProblem(rule) ?? addressProblem(rule, provider)
  const { name } = provider
  const { one, many } = WORDS[kind]
  const namesOf = (kind: NamedKind) => provider.rules?.[kind] ?? namesBy(kind, provider)
  const names = namesOf(kind)
  if (names === 'none') {
    const isAlone = kind === 'group' || [namesOf('org'), namesOf('team')].some((other) => other !== 'none')
    return `matches no user: ${name} sends no ${isAlone ? many : 'organizations or teams'}`
  }
  if (typeof names === 'string') return undefined
  if ('onlyIf' in names) return `matches users of ${name} only if ${names.onlyIf}`
  if (names.form.test(rule.slice(kind.length + 1))) return undefined
  return `matches no user: ${one} of ${name} is ${names.expected}`
}

/** A definition that does not say which rules its users can meet. */
function namesBy(kind: NamedKind, provider: Known): RuleNames {
  const { identity, identify, memberships } = provider
  // Claims of an ID token or of userinfo may hold anything; other definitions know every claim that they set.
  const isOpen = !identify && identity.from !== 'token'
  if (kind === 'sub' || isOpen) return 'any'
  return (kind === 'group' ? identity.groups || provider.groups : identity.orgs || memberships)
    ? 'any'
    : 'none'
}

/** An address or a domain that no address can have. */
function formProblem(rule: string): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(rule))
    return 'matches no user: only ASCII is compared; write a domain in its `xn--` form'
  if (!rule.includes('@')) return 'matches no user: an address or a domain has an `@`'
  if (rule.includes('*')) return 'matches no user: `*` is no wildcard; `@example.com` admits a whole domain'
  return undefined
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
