import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK, importPKCS8, importSPKI } from 'jose/key/import'
import { fromBase64url } from './base64url.ts'

/** The algorithms that Lockgate signs with. All are asymmetric, so that the verifier cannot sign. */
export const SIGNATURES = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type Signature = (typeof SIGNATURES)[number]

/** A key as the operator gives it, before it is imported. */
export interface GivenKey {
  readonly alg: Signature
  readonly kid: string | undefined
  /** `false` for a public key, which is published and never signs. */
  readonly isPrivate: boolean
  readonly source: { readonly jwk: JWK } | { readonly pem: string }
}

/** A key that is ready to use. */
export interface SigningKey {
  readonly alg: Signature
  readonly kid: string
  /** Absent if only the public half is known. */
  readonly privateKey: CryptoKey | undefined
  readonly publicKey: CryptoKey
  /** The public half, as it is published. */
  readonly published: JWK
}

type Member = 'kty' | 'crv' | 'n' | 'e' | 'x' | 'y'

/** The members of a public key, by its type. Nothing else is ever published. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly Member[]>> = {
  RSA: ['kty', 'n', 'e'],
  EC: ['kty', 'crv', 'x', 'y'],
  OKP: ['kty', 'crv', 'x'],
}

/** Bytes of the shortest RSA modulus (RFC 7518 §3.3). */
const SHORTEST_MODULUS = 256

/** Bytes of an encoded RSA key of 2048 bits, at least: private and public. A key of 1024 bits is far shorter. */
const SHORTEST_RSA = { private: 1100, public: 280 }

const OIDS: readonly (readonly [Signature, readonly number[]])[] = [
  ['RS256', [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]],
  ['ES256', [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]],
  ['EdDSA', [0x06, 0x03, 0x2b, 0x65, 0x70]],
]

/**
 * Reads the keys in a text: PEM blocks, one JWK, or a JWK set.
 *
 * @throws {TypeError} With a sentence that says what is wrong. It quotes nothing of the text.
 */
export function readKeyText(text: string): GivenKey[] {
  if (!text.trimStart().startsWith('{')) return readPem(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new TypeError('is malformed JSON')
  }
  const { keys } = value as { keys?: unknown }
  const list = Array.isArray(keys) ? keys : [value]
  return list.map((one) => readJwk(one as JWK))
}

/** @throws {TypeError} As {@link readKeyText}. */
export function readJwk(jwk: JWK): GivenKey {
  if (typeof jwk !== 'object' || jwk === null) throw new TypeError('is not a JWK')
  const { kty, crv, use, kid } = jwk
  const members = PUBLIC_MEMBERS[kty ?? '']
  if (!members)
    throw new TypeError('has a `kty` other than RSA, EC and OKP: only asymmetric keys can be published')
  if (members.some((name) => typeof jwk[name] !== 'string'))
    throw new TypeError('lacks a member of its `kty`')
  if (use !== undefined && use !== 'sig') throw new TypeError('is not for signatures: its `use` is not `sig`')
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError('has a `kid` that is not a text')
  const fitting: readonly Signature[] =
    kty === 'RSA' ? ['RS256', 'PS256'] : crv === 'P-256' ? ['ES256'] : crv === 'Ed25519' ? ['EdDSA'] : []
  const alg = fitting.find((one) => jwk.alg === undefined || jwk.alg === one)
  if (!alg) throw new TypeError(`fits none of ${SIGNATURES.join(', ')}: use RSA, P-256 or Ed25519`)
  if (kty === 'RSA' && (fromBase64url(jwk.n!)?.length ?? 0) < SHORTEST_MODULUS) throw tooShort()
  return { alg, kid, isPrivate: typeof jwk.d === 'string', source: { jwk } }
}

const tooShort = () => new TypeError('is an RSA key of under 2048 bits')

function readPem(text: string): GivenKey[] {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)]
  if (blocks.length === 0) throw new TypeError('is neither PEM nor JSON')
  return blocks.map(([pem, label, body]) => {
    if (label !== 'PRIVATE KEY' && label !== 'PUBLIC KEY') {
      throw new TypeError('is another kind of PEM; `openssl pkcs8 -topk8 -nocrypt` makes a PRIVATE KEY of it')
    }
    const kind = label === 'PRIVATE KEY' ? 'private' : 'public'
    const der = fromBase64url(body!.replace(/[\s=]/g, '').replaceAll('+', '-').replaceAll('/', '_'))
    const alg = der && OIDS.find(([, oid]) => contains(der, oid))?.[0]
    if (!der || !alg) throw new TypeError('is not a key of RSA, P-256 or Ed25519')
    if (alg === 'RS256' && der.length < SHORTEST_RSA[kind]) throw tooShort()
    return { alg, kid: undefined, isPrivate: kind === 'private', source: { pem } }
  })
}

/** The identifier of the algorithm is at the start, before the key itself. */
function contains(der: Uint8Array, oid: readonly number[]): boolean {
  for (let at = 0; at < 48 && at + oid.length <= der.length; at++)
    if (oid.every((byte, index) => der[at + index] === byte)) return true
  return false
}

/** Imports a key. Its `kid` is the given one, or the thumbprint of the key (RFC 7638). */
export async function importKey({ alg, kid, isPrivate, source }: GivenKey): Promise<SigningKey> {
  const full = 'jwk' in source ? source.jwk : await jwkOfPem(source.pem, alg, isPrivate)
  const half = Object.fromEntries(PUBLIC_MEMBERS[full.kty!]!.map((name) => [name, full[name]])) as JWK
  const named = kid ?? (await calculateJwkThumbprint(half))
  const { key_ops: _operations, use: _use, ...privateJwk } = full
  return {
    alg,
    kid: named,
    privateKey: isPrivate ? ((await importJWK(privateJwk, alg)) as CryptoKey) : undefined,
    publicKey: (await importJWK(half, alg)) as CryptoKey,
    published: { ...half, kid: named, use: 'sig', alg },
  }
}

async function jwkOfPem(pem: string, alg: Signature, isPrivate: boolean): Promise<JWK> {
  const options = { extractable: true }
  return exportJWK(await (isPrivate ? importPKCS8(pem, alg, options) : importSPKI(pem, alg, options)))
}

/** Makes a new private key. */
export async function makeKey(alg: Signature): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, alg, kid: await calculateJwkThumbprint(jwk) }
}
