import * as v from 'valibot'
import type { Signature } from '../crypto/signing-key.ts'
import { choice, shape, text } from '../validation/shape.ts'
import { type UserClaim, userClaims } from './access-token.ts'
import type { Report } from './report.ts'
import { type SigningSettings, signature, signatureOf } from './signing.ts'

/** The signed identity that an MCP server behind Lockgate receives with every request. */
export interface IdentityOptions {
  /**
   * The header. Only Lockgate sets it: every spelling of it that a client sends is removed.
   *
   * @default 'X-Lockgate-Assertion'
   */
  header?: string | undefined
  /**
   * `header` sends it in a header of its own. `bearer` sends it as `Authorization: Bearer`, in the form of RFC 9068.
   *
   * @default 'header'
   */
  as?: 'header' | 'bearer' | undefined
  /** The audience. By default the origin of the server's `url`. */
  audience?: string | undefined
  /**
   * What it says about the user besides the id: a verified `email`, the `name`, up to 50 `groups`.
   *
   * @default ['email', 'name', 'groups']
   */
  claims?: readonly UserClaim[] | undefined
  /**
   * The algorithm of the signature.
   *
   * @default 'ES256'
   */
  alg?: Signature | undefined
}

/** The rule for the signed identity of one server. */
export interface IdentityRule {
  /** In lower case. `authorization` for a bearer token. */
  readonly header: string
  readonly audience: string
  readonly claims: readonly UserClaim[]
  readonly alg: Signature
}

/** Headers that have a meaning of their own for a server or a proxy. */
const TAKEN =
  /^(authorization|cookie|host|content-.*|accept.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|forwarded|x-forwarded-.*|x-real-ip|mcp-.*|origin|last-event-id|proxy-.*)$/

/** The plain headers about the user. */
const PLAIN = /^x-lockgate-(user-.*|client-.*|scope|grant|provider)$/

export const identity: v.GenericSchema<IdentityOptions> = shape({
  header: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-zA-Z0-9-]{1,60}$/, 'expected a header name of letters, digits and `-`'),
      v.check(
        (name) => !TAKEN.test(name.toLowerCase()) && !PLAIN.test(name.toLowerCase()),
        'is a header with another meaning; `as: "bearer"` sends it as Authorization',
      ),
    ),
  ),
  as: v.optional(choice('header', 'bearer')),
  audience: v.optional(text),
  claims: v.optional(userClaims),
  alg: v.optional(signature),
}) as unknown as v.GenericSchema<IdentityOptions>

export function settleIdentity(
  options: IdentityOptions | undefined,
  { url, signing }: { readonly url: URL; readonly signing: SigningSettings['signing'] },
  path: string,
  report: Report,
): IdentityRule | undefined {
  if (!options) return undefined
  const { header = 'X-Lockgate-Assertion', as = 'header', audience = url.origin, alg } = options
  if (as === 'bearer' && options.header !== undefined) {
    report(`${path}.header`, 'has no effect with `as: "bearer"`')
  }
  return {
    header: as === 'bearer' ? 'authorization' : header.toLowerCase(),
    audience,
    claims: options.claims ?? ['email', 'name', 'groups'],
    alg: signatureOf(signing, { asked: alg, usual: 'ES256' }, `${path}.alg`, report),
  }
}
