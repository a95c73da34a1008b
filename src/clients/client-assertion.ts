import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { JOSEError } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Clock, Store } from '../ports.ts'
import { isCompact, typeOf } from '../protocol/assertion.ts'
import { SIGNING_ALGORITHMS } from '../protocol/client-metadata.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { invalidClient } from '../refusals.ts'
import { seconds } from '../timing.ts'
import type { Client } from './client.ts'

const MAX_JTI = 512

/** The types of a client assertion. A server should not insist on one, but any other type is another token. */
const ASSERTION_TYPES: ReadonlySet<string | undefined> = new Set(['', 'jwt', 'client-authentication+jwt'])

const refuse = (detail: string, reason: ReasonCode = 'invalid-client-assertion') =>
  invalidClient(reason, detail)

/**
 * Checks that a client signed an assertion for this server.
 *
 * Anyone can register a client with keys of its own. So the id of an assertion is not written here, but by the function
 * that is returned, once the request is about to have an effect.
 *
 * @param ports.audiences The accepted audiences: the issuer, and the token endpoint if the operator accepts it.
 * @returns A function that notes the use until the assertion expires, so that every instance knows it. It throws
 * `invalid_client` for a second use.
 * @throws {OAuthError} `invalid_client`, or `temporarily_unavailable` if the keys are unavailable.
 * @see [RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)
 * @see [Updates to JWT client authentication §4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis)
 */
export async function verifyAssertion(
  assertion: string,
  client: Client,
  getKey: JWTVerifyGetKey,
  { audiences, store, now }: { audiences: readonly string[]; store: Store; now: Clock },
): Promise<() => Promise<void>> {
  const claims = await readClaims(assertion, client, getKey, audiences, now())
  const { jti, exp = 0, iat, aud } = claims
  // An assertion for several servers could be replayed from one to another.
  if ([aud].flat().length !== 1) throw refuse('it has several audiences')
  if (exp > now() + seconds.assertionLife + seconds.assertionSkew)
    throw refuse('it is valid for over an hour')
  if (iat !== undefined && iat > now() + seconds.assertionSkew) throw refuse('it is from the future')
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) throw refuse('it has no usable jti')
  const key = `assertion:${digest(JSON.stringify([client.key, jti]))}`
  return async () => {
    const ttl = Math.max(1, exp - now() + 2 * seconds.assertionSkew)
    if (!(await store.swap(key, undefined, { usedAt: now() }, ttl)))
      throw refuse('it was used before', 'assertion-replayed')
  }
}

async function readClaims(
  assertion: string,
  client: Client,
  getKey: JWTVerifyGetKey,
  audiences: readonly string[],
  now: number,
): Promise<JWTPayload> {
  if (!isCompact(assertion)) throw refuse('it has not the form of a signed JWT')
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, getKey, {
      algorithms: [...SIGNING_ALGORITHMS],
      issuer: client.id,
      subject: client.id,
      audience: [...audiences],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: seconds.assertionSkew,
      currentDate: new Date(now * 1000),
    })
    if (!ASSERTION_TYPES.has(typeOf(protectedHeader))) throw refuse('its type is that of another token')
    return payload
  } catch (error) {
    // The library's messages name claims and headers, never their values.
    if (error instanceof OAuthError) throw error
    if (error instanceof JOSEError) throw refuse(error.message)
    throw keysUnavailable(error)
  }
}

/** Makes the error for keys that cannot be fetched. It does not blame the client, whose grant must stay. */
export const keysUnavailable = (cause: unknown): OAuthError =>
  new OAuthError('temporarily_unavailable', "The client's keys are unavailable, try again", {
    reason: 'client-keys-unavailable',
    cause,
    retryAfter: seconds.retryLater,
  })
