import type { Identity } from '../ports.ts'

/** The form of a rule. A team is named with its organization. A rule may begin with a provider, and then with a tenant. */
export const ALLOW_RULE: RegExp =
  /^(?!(?:[\w-]+\/)?(?:tenant:[^/]*\/)?team:[^/]*$)(?:@?[^\s@]+\.[^\s@]+|[^\s@]+@[^\s@]+|(?:[\w-]{1,64}\/)?(?:tenant:[^/\s]+\/)?(?:@[^\s@]+\.[^\s@]+|(?:group|sub|org):.+|team:[^/]+\/.+))$/

/** A rule in its parts. */
export interface AllowRule {
  /** The id of the only provider that it is for. */
  readonly provider: string | undefined
  /** The only tenant of a provider that it is for. */
  readonly tenant: string | undefined
  readonly kind: 'address' | 'group' | 'sub' | 'org' | 'team'
  /** The rule without provider and tenant. */
  readonly what: string
}

const RULE = /^(?:([\w-]{1,64})\/)?(?:tenant:([^/\s]+)\/)?((?:@|group:|sub:|org:|team:).+)$/

export function parseRule(rule: string): AllowRule {
  const [, provider, tenant, what = rule] = RULE.exec(rule) ?? []
  const kind = (/^(group|sub|org|team):/.exec(what)?.[1] ?? 'address') as AllowRule['kind']
  return { provider, tenant, kind, what }
}

/**
 * Tells whether a rule without a provider means different users at each: any person can register the name `acme` at another
 * one.
 */
export const isVague = ({ provider, kind }: AllowRule): boolean =>
  provider === undefined && kind !== 'address'

/** Returns the memberships that rules need of a provider. Some providers are asked for them only then. */
export function neededMemberships(
  rules: unknown,
  provider: string,
): { memberships: boolean; groups: boolean } {
  const own = Array.isArray(rules)
    ? rules.map(parseRule).filter((rule) => counts(rule.provider, provider))
    : []
  return {
    memberships: own.some(({ kind }) => kind === 'org' || kind === 'team'),
    groups: own.some(({ kind }) => kind === 'group'),
  }
}

const counts = (named: string | undefined, provider: string | undefined): boolean =>
  named === undefined || named === provider

/**
 * Tells whether a list of `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x` and `sub:x` admits a user. An
 * e-mail address counts only if the provider verified it, because a user can claim any other address.
 *
 * @param provider The id of the user's provider. A rule such as `github/org:x` is only for users of that provider.
 * @param kindsByTenant The kinds of rules that admit users of that provider only if they name the tenant.
 */
export function isAllowed(
  { tenant, subject, email, emailVerified, claims }: Identity,
  rules: readonly string[],
  provider?: string,
  kindsByTenant: readonly string[] = [],
): boolean {
  const address = emailVerified === true && isPlainAddress(email) ? toLower(email) : undefined
  const domain = address?.slice(address.lastIndexOf('@'))
  const groups = [claims.groups, claims.roles].flat()
  // Where organizations are tenants, a claim of another name is the word of one tenant.
  const others = kindsByTenant.length > 0 ? [] : [claims.organization, claims.org_id]
  const orgs = lowerCase([claims.organizations, ...others])
  const teams = lowerCase([claims.teams])
  return rules.map(parseRule).some(({ provider: named, tenant: within, kind, what }) => {
    if (!counts(named, provider)) return false
    if (within === undefined ? kindsByTenant.includes(kind) : !isTenant(within, tenant)) return false
    if (kind === 'sub') return what.slice(4) === subject
    // Keycloak names groups by their path.
    if (kind === 'group') return groups.includes(what.slice(6)) || groups.includes(`/${what.slice(6)}`)
    const wanted = toLower(what)
    if (kind === 'org') return orgs.includes(wanted.slice(4))
    if (kind === 'team') return teams.includes(wanted.slice(5))
    return wanted.startsWith('@') ? wanted === domain : wanted === address
  })
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Compares ids of tenants. Other ids than GUIDs can differ in the case of letters alone. */
const isTenant = (wanted: string, tenant: string | undefined): boolean =>
  wanted === tenant || (tenant !== undefined && GUID.test(wanted) && toLower(wanted) === toLower(tenant))

/** A local part, plain or in quotes, then one `@` and a domain, without blanks. */
const ADDRESS =
  /^(?:[\w.!#$%&'*+/=?^`{|}~-]+|"(?:[\x21\x23-\x5b\x5d-\x7e]|\\[\x21-\x7e])+")@[a-z0-9_](?:[\w.-]*[a-z0-9_])?$/i

/**
 * Tells whether a text is one address in printable ASCII characters. Other characters can look like these, or become these
 * in lower case. A second `@` outside quotes would leave open whose address it is.
 */
export const isPlainAddress = (email: string | undefined): email is string =>
  email !== undefined && ADDRESS.test(email)

/** Returns a text with the letters A to Z in lower case, and no other letter changed. */
const toLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Returns names in lower case, because organizations and teams are compared without regard to case. */
const lowerCase = (claims: readonly unknown[]): string[] =>
  claims.flat().flatMap((claim) => (typeof claim === 'string' ? [toLower(claim)] : []))
