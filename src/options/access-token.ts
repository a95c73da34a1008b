import * as v from 'valibot'
import type { Signature } from '../crypto/signing-key.ts'
import type { ConfigIssue } from '../errors.ts'
import { choice, listOf, shape, whole } from '../validation/shape.ts'
import type { Report } from './report.ts'
import { type SigningSettings, signature, signatureOf } from './signing.ts'

/** A claim about the user that a token may carry. */
export type UserClaim = 'email' | 'name' | 'groups'

/** The form of the access tokens of one MCP server. */
export interface AccessTokenOptions {
  /**
   * `sealed` tokens are read by Lockgate alone. `jwt` makes signed tokens (RFC 9068) that other servers can verify with the
   * keys at `/jwks`. Such a server does not see a revocation before the token expires.
   *
   * @default 'sealed'
   */
  format?: 'sealed' | 'jwt' | undefined
  /**
   * The algorithm of the signature.
   *
   * @default 'RS256'
   */
  alg?: Signature | undefined
  /**
   * The lifetime of a signed token, at most `accessTokenTtl`.
   *
   * @default 600
   */
  ttl?: number | undefined
  /**
   * What a signed token says about the user besides the id: a verified `email`, the `name`, up to 50 `groups`.
   *
   * @default []
   */
  claims?: readonly UserClaim[] | undefined
}

/** The rule for the signed access tokens of one server. */
export interface SignedRule {
  readonly alg: Signature
  /** Seconds. */
  readonly ttl: number
  readonly claims: readonly UserClaim[]
}

export const userClaims: v.GenericSchema<readonly UserClaim[]> = listOf(choice('email', 'name', 'groups'))

export const accessToken: v.GenericSchema<AccessTokenOptions> = shape({
  format: v.optional(choice('sealed', 'jwt')),
  alg: v.optional(signature),
  ttl: v.optional(whole(1)),
  claims: v.optional(userClaims),
}) as unknown as v.GenericSchema<AccessTokenOptions>

const TTL = 600

/** @param given.required `true` for a server that only verifies tokens: Lockgate alone can read sealed ones. */
export function settleAccessToken(
  options: AccessTokenOptions | undefined,
  given: {
    readonly signing: SigningSettings['signing']
    readonly accessTokenTtl: number
    readonly required: boolean
  },
  path: string,
  report: Report,
): SignedRule | undefined {
  const { format = given.required ? 'jwt' : 'sealed', alg, ttl, claims = [] } = options ?? {}
  if (format === 'sealed') {
    if (given.required) report(`${path}.format`, 'must be jwt, because only Lockgate can read sealed tokens')
    else if (alg !== undefined || ttl !== undefined || claims.length > 0) {
      report(`${path}.format`, 'must be jwt, because sealed tokens have no `alg`, `ttl` and `claims`')
    }
    return undefined
  }
  if (ttl !== undefined && ttl > given.accessTokenTtl) {
    report(`${path}.ttl`, 'must not exceed accessTokenTtl', 'accessTokenTtl')
  }
  return {
    alg: signatureOf(given.signing, { asked: alg, usual: 'RS256' }, `${path}.alg`, report),
    ttl: Math.min(ttl ?? TTL, given.accessTokenTtl),
    claims,
  }
}

/** Seconds. */
const LONG = 3600

/** Returns a warning for each server whose signed tokens live long: other servers notice a revocation only by the expiry. */
export const longLivedTokens = (
  resources: readonly { readonly signed: SignedRule | undefined }[],
): ConfigIssue[] =>
  resources.flatMap(({ signed }, index) =>
    signed && signed.ttl > LONG
      ? [
          {
            path: `mcp.${index}.accessToken.ttl`,
            message:
              'is over an hour: a server that verifies tokens itself accepts a revoked one until it expires; ' +
              'use ten minutes, and let clients refresh',
          },
        ]
      : [],
  )
