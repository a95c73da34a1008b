import * as v from 'valibot'
import type { Identity } from '../ports.ts'
import { ALLOW_RULE, isVague, parseRule } from '../protocol/allow.ts'
import type { TenantKinds } from '../providers/parts/tenancy.ts'
import { missingName } from '../validation/closest.ts'
import { byKind, type Entries, hook, listOf, type WithDefaults } from '../validation/shape.ts'
import type { Report } from './report.ts'

/** Decides about a user who signed in. Throw an `OAuthError` to refuse with your own sentence. */
export type AllowUser = (
  identity: Identity,
  from: { readonly provider: string },
) => boolean | undefined | Promise<boolean | undefined>

/** Options about the users who may sign in. */
export interface AllowOptions {
  /**
   * The users who may sign in: a list of `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x` and `sub:x`,
   * or a function. With several providers, put the provider before a rule: `github/org:x`. With many tenants of one, put
   * the tenant before it: `tenant:<id>/group:x`. Without this option every account of the provider may sign in.
   */
  allow?: readonly string[] | AllowUser | undefined
}

const DEFAULTS = {} as const

export type AllowSettings = WithDefaults<AllowOptions, typeof DEFAULTS>

/** A quotation mark at the start or the end. The name of an address may have some of its own: `"ada"@example.com`. */
const isQuoted = (rule: string): boolean =>
  (/^["\u0027\u0060‘-”]/.test(rule) && !/^(["\u0027]).+\1@[^"\u0027]+$/.test(rule)) ||
  /@[^@:/]*["\u0027\u0060‘-”]$/.test(rule)

const EXPECTED = 'expected user@example.com, @example.com, org:name, team:org/name, group:name or sub:id'

const rule = v.pipe(
  v.string(),
  v.check(
    (input) => ALLOW_RULE.test(input) && !isQuoted(input),
    ({ input }) => (isQuoted(input) ? 'has quotation marks around it: remove them' : EXPECTED),
  ),
)

export const allowEntries: Entries<AllowOptions, AllowSettings> = {
  allow: v.optional(
    byKind<readonly string[] | AllowUser>(
      { list: listOf(rule, 1), function: hook() },
      'expected a list of rules such as user@example.com or @example.com, or a function',
    ),
  ),
}

/** A provider, as far as rules are about it. */
export interface RuledProvider {
  readonly id: string
  readonly name: string
  /** The kinds of rules that have to name one of its tenants. */
  readonly kindsByTenant: TenantKinds
}

/**
 * Checks that rules name providers that exist, and that with several providers every rule names one: the same group may
 * belong to different people at each. The same is true of the tenants of one provider.
 *
 * @param providers None if a function chooses them. Vague rules then admit none of their users.
 */
export function settleAllow(
  { allow }: AllowSettings,
  providers: readonly RuledProvider[],
  report: Report,
): AllowSettings {
  const rules = typeof allow === 'function' || providers.length === 0 ? [] : (allow ?? [])
  for (const [index, rule] of rules.entries()) {
    const path = `allow.${index}`
    const parsed = parseRule(rule)
    const { provider: named, tenant, kind } = parsed
    const judged = providers.filter(({ id }) => named === undefined || id === named)
    const many = judged.find(({ kindsByTenant }) => kindsByTenant.some((one) => one === kind))
    if (judged.length === 0) {
      const known = providers.map(({ id }) => id)
      report(path, missingName(named ?? '', 'upstream', known), 'upstream')
    } else if (providers.length > 1 && isVague(parsed)) {
      report(
        path,
        `means different users at each provider: put one of them before it, such as ${providers[0]!.id}/`,
      )
    } else if (many && tenant === undefined) {
      const prefix = named === undefined ? '' : `${named}/`
      report(
        path,
        `means different users in each tenant of ${many.name}: put the tenant before it, such as ` +
          `${prefix}tenant:<id>/${kind}:…, or let only one tenant sign in`,
        'upstream',
      )
    }
  }
  return { allow }
}
