import type { ReasonCode } from '../../reasons/reasons.ts'
import { signInFailed } from '../../refusals.ts'
import { isProviderUrl } from './inputs.ts'

/**
 * The relation between the issuer of the definition and the one that the provider must use.
 *
 * - `exact`: it is the same.
 * - `adopt`: the issuer of the metadata document, which was fetched from an address that the operator chose.
 * - `aliases`: the same, or one of some others.
 * - `template`: its `placeholder` stands for a value that each ID token has in `claim`, such as the tenant.
 */
export type IssuerRule =
  | { readonly type: 'exact' }
  | { readonly type: 'adopt' }
  | { readonly type: 'aliases'; readonly aliases: readonly string[] }
  | {
      readonly type: 'template'
      readonly placeholder: string
      readonly claim: string
      /** The form of a value. */
      readonly pattern: RegExp
      /** The only values that are allowed, in lower case. Default: all. */
      readonly allow?: readonly string[] | undefined
      /** Values that are refused, in lower case. */
      readonly deny?: readonly string[] | undefined
    }

/** Returns an issuer as an event may show it. Values that are not URLs are not repeated. */
export const showIssuer = (value: unknown): string =>
  typeof value === 'string' && value.length <= 200 && isProviderUrl(value.replace(/[{}]/g, ''), true)
    ? value
    : 'a value that is not a URL'

const strange = (reason: ReasonCode, detail?: string) => signInFailed({ reason, detail })

function isAllowed(rule: IssuerRule & { type: 'template' }, value: unknown): value is string {
  if (typeof value !== 'string' || !rule.pattern.test(value)) return false
  const plain = value.toLowerCase()
  return (rule.allow?.includes(plain) ?? true) && !rule.deny?.includes(plain)
}

/**
 * Returns the issuer that `iss` on the callback names, if this provider may use it.
 *
 * @param known The issuer of the definition or the metadata document.
 * @throws {OAuthError} `server_error` for a foreign one.
 */
export function issuerOnCallback(rule: IssuerRule, known: string, iss: string): string {
  if (rule.type === 'template') {
    const [before = '', after = ''] = known.split(rule.placeholder)
    const value = iss.slice(before.length, iss.length - after.length)
    if (before + value + after === iss && isAllowed(rule, value)) return iss
  } else if (iss === known || (rule.type === 'aliases' && rule.aliases.includes(iss))) return iss
  throw strange('provider-issuer-mismatch', `expected ${showIssuer(known)}, got ${showIssuer(iss)}`)
}

/**
 * Returns the issuer that an ID token must have, by its own claims. The ID token is still compared with it.
 *
 * @param claims The claims of the ID token, not yet verified.
 * @throws {OAuthError} `server_error` for a tenant that is not allowed.
 */
export function issuerOfToken(
  rule: IssuerRule,
  known: string,
  claims: Readonly<Record<string, unknown>>,
): string {
  if (rule.type === 'aliases') return rule.aliases.find((alias) => alias === claims.iss) ?? known
  if (rule.type !== 'template') return known
  const value = claims[rule.claim]
  if (!isAllowed(rule, value)) throw strange('provider-tenant-refused', rule.claim)
  return known.replace(rule.placeholder, () => value)
}
