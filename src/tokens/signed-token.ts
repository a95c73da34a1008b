import type { JWTPayload } from 'jose'
import { randomId } from '../crypto/random.ts'
import type { Emit } from '../events/event.ts'
import { formatGrantKey, parseGrantKey } from '../grants/grant-key.ts'
import type { SignedRule } from '../options/access-token.ts'
import type { Signer } from '../signing/signer.ts'
import type { AccessClaims } from './access-token.ts'
import { type KnownUser, userClaims } from './user-claims.ts'

/** Claims of a signed access token, with its own id. */
export interface SignedClaims extends AccessClaims {
  readonly id: string
}

/**
 * Issues and opens access tokens that other servers can verify.
 *
 * @see [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)
 */
export interface SignedTokens {
  /** @param user The claims of the user, and the id by which MCP servers know it. */
  issue(claims: AccessClaims, rule: SignedRule, user: KnownUser & { readonly id: string }): Promise<string>
  /** Returns whether a text claims to be such a token. It proves nothing, and waits for nothing. */
  claimsToBeOwn(token: string): boolean
  /** Returns the claims of a token, or `undefined` if it was not issued here or has expired at `now`. */
  open(token: string, now: number): Promise<SignedClaims | undefined>
}

const TYPE = 'at+jwt'

export function createSignedTokens(ports: { signer: Signer; issuer: string; emit: Emit }): SignedTokens {
  const { signer, issuer, emit } = ports
  return {
    claimsToBeOwn: signer.claimsToBeOwn,
    issue({ key, epoch, client, resource, scope, issuedAt, expiresAt }, rule, user) {
      const { claims, omitted } = userClaims(rule.claims, user)
      if (omitted) {
        const grant = formatGrantKey(key)
        emit({ type: 'claim-omitted', reason: 'too-many-groups', client, user: user.id, grant, resource })
      }
      return signer.sign(rule.alg, TYPE, {
        iss: issuer,
        aud: resource,
        sub: user.id,
        client_id: client,
        ...(scope.length > 0 && { scope: scope.join(' ') }),
        iat: issuedAt,
        exp: expiresAt,
        jti: randomId(),
        gid: formatGrantKey(key),
        epoch,
        ...claims,
      })
    },
    async open(token, now) {
      const payload = await signer.verify(token, TYPE)
      const claims = payload && readClaims(payload, issuer)
      return claims && claims.expiresAt > now ? claims : undefined
    },
  }
}

/** The signature is right, so this server wrote them. A build with other claims may have. */
function readClaims(payload: JWTPayload, issuer: string): SignedClaims | undefined {
  const { iss, aud, sub, client_id: client, scope = '', iat, exp, jti, gid, epoch } = payload
  const key = parseGrantKey(String(gid))
  const texts = [aud, sub, client, scope, jti].every((one) => typeof one === 'string')
  const numbers = [iat, exp, epoch].every(Number.isFinite)
  if (iss !== issuer || !key || !texts || !numbers) return undefined
  return {
    id: jti!,
    key,
    epoch: epoch as number,
    client: client as string,
    resource: aud as string,
    scope: (scope as string).split(' ').filter(Boolean),
    issuedAt: iat!,
    expiresAt: exp!,
  }
}
