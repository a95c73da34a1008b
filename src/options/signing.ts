import * as v from 'valibot'
import { type GivenKey, readJwk, readKeyText, SIGNATURES, type Signature } from '../crypto/signing-key.ts'
import { byKind, choice, type Entries, listOf, shape, text, whole } from '../validation/shape.ts'
import type { Report } from './report.ts'

/** A private or public key as a JWK. */
type Jwk = Readonly<Record<string, unknown>>

/** The keys that sign access tokens in JWT form, and identities for the servers behind. */
export interface SigningOptions {
  /**
   * Your own keys: a text with PEM blocks or a JWK set, or a list of such texts and JWKs. RSA (2048 bits or more), P-256 or
   * Ed25519. Of each algorithm the first private key signs; all others are only published. To rotate, add the new key at
   * the end, put it first a day later, and remove the old one a day after that. By default Lockgate makes keys, keeps
   * them sealed in the storage, and rotates them.
   */
  keys?: string | readonly (string | Jwk)[] | undefined
  /**
   * The time for which a key that Lockgate made signs, at least 172800. The next key is published a day before it signs.
   *
   * @default 7776000
   */
  rotation?: number | undefined
}

/** Options about signatures. */
export interface SigningFamily {
  /** The keys that sign access tokens in JWT form, and identities for the servers behind. */
  signing?: SigningOptions | undefined
}

const DEFAULTS = { signing: {} } as const
const ROTATION = 7_776_000

export interface SigningParsed {
  readonly signing: SigningOptions
}

const SHORTEST_ROTATION = 172_800

export const signingEntries: Entries<SigningFamily, SigningParsed> = {
  signing: v.optional(
    shape({
      keys: v.optional(
        byKind<NonNullable<SigningOptions['keys']>>(
          {
            text,
            list: listOf(
              byKind<string | Jwk>(
                { text, object: v.record(v.string(), v.unknown()) },
                'expected a PEM text or a JWK',
              ),
              1,
            ),
          },
          'expected PEM blocks, a JWK set, or a list of them',
        ),
      ),
      rotation: v.optional(whole(SHORTEST_ROTATION), ROTATION),
    }) as unknown as v.GenericSchema<SigningOptions>,
    DEFAULTS.signing,
  ),
}

export const signature: v.GenericSchema<Signature> = choice(...SIGNATURES)

export interface SigningSettings {
  readonly signing: {
    /** The operator's own keys. Absent: Lockgate makes them. */
    readonly given: readonly GivenKey[] | undefined
    /** The time for which one made key signs, in seconds. */
    readonly every: number
  }
}

export function settleSigning({ signing }: SigningParsed, report: Report): SigningSettings {
  const { keys, rotation: every = ROTATION } = signing
  const given = keys === undefined ? undefined : readKeys(keys, report)
  const kids = given?.flatMap(({ kid }) => kid ?? []) ?? []
  if (new Set(kids).size < kids.length)
    report('signing.keys', 'has two keys with one `kid`: give one of them another')
  if (given && !given.some(({ isPrivate }) => isPrivate))
    report('signing.keys', 'has no private key, and public keys cannot sign: add one')
  return { signing: { given, every } }
}

function readKeys(keys: string | readonly (string | Jwk)[], report: Report): GivenKey[] {
  const read = (one: string | Jwk, path: string): GivenKey[] => {
    try {
      return typeof one === 'string' ? readKeyText(one) : [readJwk(one)]
    } catch (error) {
      report(path, (error as TypeError).message)
      return []
    }
  }
  if (typeof keys === 'string') return read(keys, 'signing.keys')
  return keys.flatMap((one, index) => read(one, `signing.keys.${index}`))
}

/**
 * Returns the algorithm that a server's tokens are signed with. By default the usual one, or that of the operator's first
 * key if there is no key for the usual one.
 */
export function signatureOf(
  { given }: SigningSettings['signing'],
  { asked, usual }: { readonly asked: Signature | undefined; readonly usual: Signature },
  path: string,
  report: Report,
): Signature {
  const able = given?.filter(({ isPrivate }) => isPrivate).map(({ alg }) => alg)
  if (asked !== undefined) {
    if (able && !able.includes(asked))
      report(path, `needs a private key for ${asked} in \`signing.keys\``, 'signing')
    return asked
  }
  return !able || able.includes(usual) ? usual : (able[0] ?? usual)
}
