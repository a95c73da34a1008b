import { exportJWK } from 'jose/key/export'
import { importJWK, importPKCS8 } from 'jose/key/import'
import * as oauth from 'oauth4webapi'
import { withTimeout } from '../http/timeout.ts'
import type { Clock } from '../ports.ts'
import { type ClientKey, KEY_ALGS, lines, thumbprintOf } from '../providers/parts/client-assertion.ts'
import type { Provider } from '../providers/provider.ts'
import { PROVIDER_UNAVAILABLE } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'
import type { Server } from './discovery.ts'
import { UpstreamUnavailable } from './unavailable.ts'

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

const failed = (detail: string, cause?: unknown) =>
  new UpstreamUnavailable(PROVIDER_UNAVAILABLE, {
    reason: 'client-assertion-failed',
    detail,
    cause,
    retryAfter: seconds.providerLater,
    effect: 'none',
    again: undefined,
  })

/** Keys that were imported. */
const imported = new WeakMap<ClientKey, { readonly key: CryptoKey; readonly alg: string }>()

function keyIdOf({ keyId, privateKey }: ClientKey): string | undefined {
  const kid = keyId ?? (typeof privateKey === 'object' ? privateKey.kid : undefined)
  return typeof kid === 'string' ? kid : undefined
}

/** The members of a public key (RFC 7518 §6, RFC 8037 §2). No other member is ever published. */
const PUBLIC = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']

const publicPart = (jwk: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(PUBLIC.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])))

/** Returns the public keys of an application: the one that it proves itself with, and those that it has to publish too. */
export async function publishedKeys(given: ClientKey): Promise<readonly Record<string, unknown>[]> {
  const { alg } = await keyOf(given)
  const { privateKey, alsoPublished = [] } = given
  const whole =
    typeof privateKey === 'string'
      ? await exportJWK(await importPKCS8(lines(privateKey), alg, { extractable: true }))
      : privateKey
  return [{ ...whole, kid: keyIdOf(given), alg, use: 'sig' }, ...alsoPublished].map(publicPart)
}

/**
 * Proves the application with an assertion. Each request gets its own.
 *
 * @see [RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)
 */
export function assertionAuth(provider: Provider, server: Server, now: Clock): oauth.ClientAuth | undefined {
  const { clientAssertion: given, assertionAudience } = provider
  if (given === undefined) return undefined
  if (typeof given === 'function') {
    return async (_server, { client_id: id }, body) => {
      body.set('client_id', id)
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', await foreign(given))
    }
  }
  const endpoint = assertionAudience === 'token-endpoint' ? server.token_endpoint : undefined
  const audience = given.audience ?? endpoint
  const thumbprint = given.certificate === undefined ? undefined : thumbprintOf(given.certificate)
  return async (as, client, body, headers) => {
    const { key } = await keyOf(given)
    const kid = keyIdOf(given)
    const sign = oauth.PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
      [oauth.modifyAssertion](header, payload) {
        if (thumbprint !== undefined) Object.assign(header, { typ: 'JWT', 'x5t#S256': thumbprint })
        if (audience !== undefined) payload.aud = audience
        const at = now()
        Object.assign(payload, { iat: at, nbf: at, exp: at + seconds.clientAssertion })
      },
    })
    await sign(as, client, body, headers)
  }
}

async function foreign(given: () => string | Promise<string>): Promise<string> {
  const token = await withTimeout((async () => given())(), ms.hook).catch((cause: unknown) => {
    throw failed('the function or the file with the assertion failed', cause)
  })
  const text = typeof token === 'string' ? token.trim() : ''
  if (!JWT.test(text)) throw failed('the assertion is not a JWT')
  return text
}

async function keyOf(given: ClientKey): Promise<{ readonly key: CryptoKey; readonly alg: string }> {
  const known = imported.get(given)
  if (known) return known
  const { privateKey, certificate } = given
  const named = given.alg ?? (typeof privateKey === 'object' ? privateKey.alg : undefined)
  const algs =
    typeof named === 'string' ? [named] : certificate === undefined ? KEY_ALGS : ['PS256', ...KEY_ALGS]
  let cause: unknown
  for (const alg of algs) {
    try {
      const key =
        typeof privateKey === 'string'
          ? await importPKCS8(lines(privateKey), alg)
          : await importJWK(privateKey, alg)
      if (!(key instanceof CryptoKey)) break
      imported.set(given, { key, alg })
      return { key, alg }
    } catch (error) {
      cause = error
    }
  }
  throw failed('the private key cannot be read, or is not for the algorithm', cause)
}
