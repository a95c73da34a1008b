import { OAuthError } from '../../errors.ts'
import type { ReasonCode } from '../../reasons/reasons.ts'

/**
 * How the issuer that a provider must show follows from the one its definition names.
 *
 * - `exact`: it is the same.
 * - `adopt`: whatever the metadata document says, which was fetched from an address the operator chose.
 * - `aliases`: the same, or one of some others.
 * - `template`: `placeholder` in it stands for a value that each ID token has in `claim`, such as the tenant.
 */
export type IssuerRule =
  | { readonly type: 'exact' }
  | { readonly type: 'adopt' }
  | { readonly type: 'aliases'; readonly aliases: readonly string[] }
  | {
      readonly type: 'template'
      readonly placeholder: string
      readonly claim: string
      /** What a value looks like. */
      readonly pattern: RegExp
      /** The only values that are let in; all by default. In lower case. */
      readonly allow?: readonly string[] | undefined
      /** Values that are not. In lower case. */
      readonly deny?: readonly string[] | undefined
    }

const strange = (reason: ReasonCode, detail?: string) =>
  new OAuthError('server_error', 'The sign-in at the identity provider failed', { reason, detail })

function isLetIn(rule: IssuerRule & { type: 'template' }, value: unknown): value is string {
  if (typeof value !== 'string' || !rule.pattern.test(value)) return false
  const plain = value.toLowerCase()
  return (rule.allow?.includes(plain) ?? true) && !rule.deny?.includes(plain)
}

/**
 * The issuer that `iss` on the callback names, if this provider may call itself so.
 *
 * @param known What the definition or the metadata document says.
 * @throws {OAuthError} `server_error` for a foreign one.
 */
export function issuerOnCallback(rule: IssuerRule, known: string, iss: string): string {
  if (rule.type === 'template') {
    const [before = '', after = ''] = known.split(rule.placeholder)
    const value = iss.slice(before.length, iss.length - after.length)
    if (before + value + after === iss && isLetIn(rule, value)) return iss
  } else if (iss === known || (rule.type === 'aliases' && rule.aliases.includes(iss))) return iss
  throw strange('provider-issuer-differs')
}

/**
 * The issuer that an ID token has to have, by what it says itself: it still has to have it.
 *
 * @param claims Of the ID token, not yet verified.
 * @throws {OAuthError} `server_error` where it comes from a tenant that is not let in.
 */
export function issuerOfToken(
  rule: IssuerRule,
  known: string,
  claims: Readonly<Record<string, unknown>>,
): string {
  if (rule.type === 'aliases') return rule.aliases.find((alias) => alias === claims.iss) ?? known
  if (rule.type !== 'template') return known
  const value = claims[rule.claim]
  if (!isLetIn(rule, value)) throw strange('provider-tenant-refused', rule.claim)
  return known.replace(rule.placeholder, () => value)
}
