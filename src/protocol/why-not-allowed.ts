import type { Identity } from '../ports.ts'
import { type AllowRule, parseRule } from './allow.ts'

const PROBLEMS = {
  address: 'the provider sent no e-mail address; request the scope for it',
  unverified: 'the provider does not vouch for the e-mail address, so rules by address do not match',
  overage:
    'the user has so many groups that the provider sent a link instead of them (`_claim_names`); ' +
    'let the provider send only the groups of this application, or use application roles',
  groups:
    'the provider sent no groups; set `groupsClaim` to the claim that holds them, or add it at the provider',
  orgs: 'the provider sent no organizations or teams',
  tenant:
    'the provider has many tenants, so rules such as `group:x` count only with one: `tenant:<id>/group:x`',
} as const

/**
 * Explains why a list of rules does not admit a user, for events. It never contains a part of the identity.
 *
 * @param kindsByTenant The kinds of rules that have to name the tenant.
 * @returns `undefined` if the rules simply name other users.
 */
export function whyNotAllowed(
  { email, emailVerified, claims }: Identity,
  rules: readonly string[],
  kindsByTenant: readonly string[] = [],
): string | undefined {
  const own = rules.map(parseRule)
  const has = (...kinds: readonly AllowRule['kind'][]) => own.some(({ kind }) => kinds.includes(kind))
  const isEmpty = (...names: readonly string[]) =>
    names.every((name) =>
      [claims[name]].flat().every((one) => one === undefined || one === null || one === ''),
    )
  const problems: string[] = []
  if (has('address')) {
    if (email === undefined) problems.push(PROBLEMS.address)
    else if (emailVerified !== true) problems.push(PROBLEMS.unverified)
  }
  if (has('group')) {
    if (hasOverage(claims)) problems.push(PROBLEMS.overage)
    else if (isEmpty('groups', 'roles')) problems.push(PROBLEMS.groups)
  }
  if (has('org', 'team') && isEmpty('organizations', 'organization', 'org_id', 'teams'))
    problems.push(PROBLEMS.orgs)
  if (own.some(({ tenant, kind }) => tenant === undefined && kindsByTenant.includes(kind)))
    problems.push(PROBLEMS.tenant)
  return problems.length > 0 ? problems.join('; ') : undefined
}

/**
 * Returns `true` if a claim about groups is a link: Microsoft Entra sends at most 200 groups in an ID token.
 *
 * @see [OpenID Connect Core §5.6.2](https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims)
 */
function hasOverage({ _claim_names: names, hasgroups }: Identity['claims']): boolean {
  const isLink = typeof names === 'object' && names !== null && 'groups' in names
  return isLink || hasgroups === true || hasgroups === 'true'
}
