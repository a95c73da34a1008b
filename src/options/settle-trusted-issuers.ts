import type { Store } from '../ports.ts'
import { canonicalResource } from '../protocol/resource.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import { missingPin, missingTenantPath, namesAnyone } from '../protocol/shared-issuers.ts'
import { missingName } from '../validation/closest.ts'
import type { RuledProvider } from './allow.ts'
import { namedResources } from './named-resources.ts'
import { areUnique, type Report } from './report.ts'
import type { Resource } from './resource.ts'
import { checkScopes } from './scopes.ts'
import type {
  TrustedIssuerSettings,
  TrustedIssuersParsed,
  TrustedIssuersSettings,
} from './trusted-issuers.ts'
import { idOf, isOwnLogin, type Place } from './upstream.ts'

/** Domains at which anyone can have an address. */
const FREE_MAIL = new Set(
  (
    'gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com mac.com ' +
    'aol.com gmx.de gmx.net gmx.com web.de mail.com proton.me protonmail.com pm.me fastmail.com zoho.com yandex.com ' +
    'yandex.ru mail.ru qq.com 163.com 126.com naver.com t-online.de orange.fr free.fr libero.it tutanota.com'
  ).split(' '),
)

/** The settings of other families that assertions need. */
interface Around {
  readonly issuer: string
  readonly scopes: ScopeTable
  readonly resources: readonly Resource[]
  /** `undefined` if a function chooses them. */
  readonly providers: readonly Place[] | undefined
  /** Absent if the option is missing. */
  readonly storage?: Store | undefined
}

/**
 * Checks the issuers against each other and the other options.
 *
 * @returns Also the issuers whose people are not those of a provider: `allow` rules name them like a provider.
 */
export function settleTrustedIssuers(
  { trustedIssuers, ema }: TrustedIssuersParsed,
  around: Around,
  report: Report,
): TrustedIssuersSettings & { readonly peopleOf: readonly RuledProvider[] } {
  const judged = new Set<string>()
  for (const [index, entry] of trustedIssuers.entries()) {
    const path = `trustedIssuers.${index}`
    const uses = entry.use.map((use) => `${use} ${entry.issuer}`)
    if (uses.some((use) => judged.has(use)) || !areUnique(uses))
      report(`${path}.use`, 'names a use that another entry has for this issuer: remove it here')
    for (const use of uses) judged.add(use)
    checkIssuer(entry, path, around, report)
    checkUse(entry, path, around, report)
    checkRules(entry, path, around, report)
  }
  const names = [
    ...(around.providers?.map(idOf) ?? []),
    ...trustedIssuers.filter(({ use }) => use.includes('id-jag')).map(({ id }) => id),
  ]
  if (!areUnique(names))
    report(
      'trustedIssuers',
      'an issuer of ID-JAGs shares its id with another one, or with a provider: set `id`',
      'upstream',
    )
  if (ema && !trustedIssuers.some(({ use }) => use.includes('id-jag')))
    report('ema', "needs an issuer with `use: ['id-jag']` in `trustedIssuers`", 'trustedIssuers')
  const settled = trustedIssuers.map((one): TrustedIssuerSettings => {
    const same = around.providers?.find((place) => idOf(place) === one.sameSubjectsAs)
    return same ? { ...one, subjectsOf: isOwnLogin(same) ? around.issuer : same.issuer } : one
  })
  const peopleOf = settled
    .filter(({ use, sameSubjectsAs }) => use.includes('id-jag') && sameSubjectsAs === undefined)
    .map(({ id, issuer }): RuledProvider => ({ id, name: issuer, kindsByTenant: [] }))
  return {
    peopleOf,
    trustedIssuers: settled,
    ema: { clients: ema?.clients ?? [], accessTtl: ema?.accessTtl ?? 3600 },
  }
}

function checkIssuer(
  { issuer, use, jwks }: TrustedIssuerSettings,
  path: string,
  { issuer: own }: Around,
  report: Report,
): void {
  if (issuer.startsWith('spiffe:')) {
    if (jwks === undefined) report(`${path}.jwks`, 'is required: a trust domain has no discovery')
    if (use.includes('id-jag')) report(`${path}.use`, 'cannot be id-jag: a trust domain has no people')
    return
  }
  if (canonicalResource(issuer) === canonicalResource(own))
    report(`${path}.issuer`, 'is this server: it must not accept its own assertions', 'url')
  const form = missingTenantPath(issuer)
  if (form !== undefined)
    report(`${path}.issuer`, `is shared by many customers: expected the path of one, ${form}`)
  const anyone = namesAnyone(issuer)
  if (use.includes('id-jag') && anyone !== undefined)
    report(`${path}.use`, `cannot be id-jag: ${anyone} signs for all its customers`)
}

function checkUse(entry: TrustedIssuerSettings, path: string, around: Around, report: Report): void {
  const { use, replay, sameSubjectsAs, samlIssuer, emailDomains } = entry
  const { providers, storage } = around
  const isForPeople = use.includes('id-jag')
  if (providers === undefined)
    report(path, 'cannot be used when `upstream` is a function: an issuer has no tenant', 'upstream')
  for (const [name, value] of Object.entries({ sameSubjectsAs, samlIssuer, emailDomains }))
    if (value !== undefined && !isForPeople) report(`${path}.${name}`, "is for `use: ['id-jag']` only")
  const same = providers?.find((one) => idOf(one) === sameSubjectsAs)
  if (sameSubjectsAs !== undefined && providers && !same)
    report(`${path}.sameSubjectsAs`, missingName(sameSubjectsAs, 'upstream', providers.map(idOf)), 'upstream')
  if (same && !sharesSubjects(same))
    report(
      `${path}.sameSubjectsAs`,
      `cannot be ${idOf(same)}, because ${same.name} has no \`sub\` that is the same for every application`,
      'upstream',
    )
  const free = emailDomains?.find((one) => FREE_MAIL.has(one))
  if (free !== undefined)
    report(`${path}.emailDomains`, `${free} gives addresses to anyone: list domains of the company only`)
  if (use.includes('bearer') && replay === 'refuse')
    report(`${path}.replay`, 'cannot be refuse with bearer, because one token comes with many requests')
  if (storage?.consistency === 'eventual' && (replay === 'refuse' || (isForPeople && replay === undefined)))
    report(
      `${path}.replay`,
      'needs a storage that can refuse a second use: use a Durable Object, Redis or PostgreSQL, or set it to allow',
      'storage',
    )
}

/** A provider may give each application other subjects, or name users by another claim or another issuer. */
function sharesSubjects(place: Place): boolean {
  if (isOwnLogin(place)) return true
  const { identity, issuerRule } = place
  const isFixed = issuerRule.type === 'exact' || issuerRule.type === 'aliases'
  return identity.tenant === undefined && identity.subject === 'sub' && isFixed
}

function checkRules(entry: TrustedIssuerSettings, path: string, around: Around, report: Report): void {
  const { issuer, use, rules, scopes: ceiling, resources } = entry
  const { scopes } = around
  checkScopes(`${path}.scopes`, ceiling, scopes, report)
  checkResources(`${path}.resources`, resources, around, report)
  const isForWorkloads = use.includes('workload') || use.includes('bearer')
  if (isForWorkloads && rules === undefined)
    report(`${path}.rules`, 'is required for workloads: a signature alone gives nothing')
  if (!isForWorkloads && rules !== undefined) report(`${path}.rules`, 'is for workloads only')
  const reach = (named: readonly string[] | undefined) =>
    namedResources(named, namedResources(resources, around.resources)).some(needsProviderToken)
  if (use.includes('id-jag') && reach(undefined)) report(`${path}.resources`, NO_TOKEN, 'mcp')
  for (const [index, rule] of (rules ?? []).entries()) {
    const at = `${path}.rules.${index}`
    checkScopes(`${at}.scopes`, rule.scopes, scopes, report)
    checkResources(`${at}.resources`, rule.resources, around, report)
    if (reach(rule.resources)) report(`${at}.resources`, NO_TOKEN, 'mcp')
    const missing = issuer.startsWith('spiffe:') ? undefined : missingPin(issuer, rule.match)
    if (missing !== undefined) report(`${at}.match`, missing)
  }
}

const NO_TOKEN =
  'includes a server with `forward: upstream-token`, but an assertion brings no token of the provider: list the other servers'

const needsProviderToken = ({ forward, target }: Resource): boolean =>
  forward === 'upstream-token' && 'url' in target

function checkResources(
  path: string,
  named: readonly string[] | undefined,
  { resources }: Around,
  report: Report,
): void {
  const unknown = named?.find((one) => namedResources([one], resources).length === 0)
  if (unknown !== undefined) {
    const known = resources.map(({ id }) => id)
    report(path, missingName(unknown, 'mcp', known), 'mcp', 'url')
  }
}
