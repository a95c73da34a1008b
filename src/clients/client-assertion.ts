import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { JOSEError } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Clock, Store } from '../ports.ts'
import { SIGNING_ALGORITHMS } from '../protocol/client-metadata.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { invalidClient } from '../refusals.ts'
import { seconds } from '../timing.ts'
import type { Client } from './client.ts'

const MAX_JTI = 512

const refuse = (detail: string, reason: ReasonCode = 'invalid-client-assertion') =>
  invalidClient(reason, detail)

/**
 * Whether a client signed an assertion for this server, just now and for the first time. Each is written down under
 * its digest until it expires, so that every process that shares the storage knows it; only after its signature has
 * proven that it is worth a write.
 *
 * @throws {OAuthError} `invalid_client`; `temporarily_unavailable` where the keys cannot be had.
 * @see [RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)
 */
export async function verifyAssertion(
  assertion: string,
  client: Client,
  getKey: JWTVerifyGetKey,
  { issuer, store, now }: { issuer: string; store: Store; now: Clock },
): Promise<void> {
  const claims = await readClaims(assertion, client, getKey, issuer, now())
  const { jti, exp = 0, iat, aud } = claims
  // One that is good for another server too could be carried there, or here from there.
  if ([aud].flat().length !== 1) throw refuse('for several audiences')
  if (exp > now() + seconds.assertionLife + seconds.assertionSkew) throw refuse('good for over five minutes')
  if (iat !== undefined && iat > now() + seconds.assertionSkew) throw refuse('from the future')
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) throw refuse('without a usable jti')
  const key = `assertion:${digest(JSON.stringify([client.key, jti]))}`
  const isNew = await store.swap(key, undefined, { usedAt: now() }, exp - now() + 2 * seconds.assertionSkew)
  if (!isNew) throw refuse('used before', 'assertion-replayed')
}

async function readClaims(
  assertion: string,
  client: Client,
  getKey: JWTVerifyGetKey,
  issuer: string,
  now: number,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(assertion, getKey, {
      algorithms: [...SIGNING_ALGORITHMS],
      issuer: client.id,
      subject: client.id,
      audience: [issuer, `${issuer}/token`],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: seconds.assertionSkew,
      currentDate: new Date(now * 1000),
    })
    return payload
  } catch (error) {
    // The library's messages name claims and headers, never their values.
    if (error instanceof JOSEError) throw refuse(error.message)
    throw keysUnavailable(error)
  }
}

/** The client is not to blame for a failure that may pass: its grant must live. */
export const keysUnavailable = (cause: unknown): OAuthError =>
  new OAuthError('temporarily_unavailable', 'The keys of the client cannot be had at the moment', {
    reason: 'client-keys-unavailable',
    cause,
    retryAfter: seconds.retryLater,
  })
