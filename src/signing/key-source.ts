import { type GivenKey, importKey, type Signature, type SigningKey } from '../crypto/signing-key.ts'
import { createSingleFlight } from '../single-flight.ts'

/** The keys of this server. */
export interface KeySource {
  /** Returns the key that signs now. */
  current(alg: Signature): Promise<SigningKey>
  /** Returns every key that is published. */
  all(): Promise<readonly SigningKey[]>
  /** Returns every key, read anew if the last reading is too old for a key that it does not hold. */
  newest(): Promise<readonly SigningKey[]>
}

/** Uses the operator's own keys. Of each algorithm the first private key signs; all others are only published. */
export function configuredKeys(given: readonly GivenKey[]): KeySource {
  const imports = createSingleFlight<readonly SigningKey[]>()
  let imported: readonly SigningKey[] | undefined
  const all = async (): Promise<readonly SigningKey[]> => {
    imported ??= await imports.join('keys', () => Promise.all(given.map(importKey)))
    return imported
  }
  return {
    async current(alg) {
      return (await all()).find((key) => key.alg === alg && key.privateKey !== undefined)!
    },
    all,
    newest: all,
  }
}
