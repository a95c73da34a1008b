import { generateKeyPairSync, KeyObject, verify } from 'node:crypto'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const imported = await crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm, true, ['verify'])
export const secretKey = pair.privateKey

const real = { importKey: crypto.subtle.importKey, verify: crypto.subtle.verify }

/** Verifies in this thread: the real functions answer from another one, at a moment that no seed decides. */
export function installKeys(): () => void {
  crypto.subtle.importKey = (async () => imported) as typeof real.importKey
  crypto.subtle.verify = (async (
    _algorithm: unknown,
    key: CryptoKey,
    signature: Uint8Array,
    data: Uint8Array,
  ) =>
    verify(
      'sha256',
      data,
      { key: KeyObject.from(key), dsaEncoding: 'ieee-p1363' },
      signature,
    )) as typeof real.verify
  return () => Object.assign(crypto.subtle, real)
}
