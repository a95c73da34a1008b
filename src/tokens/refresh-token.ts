import { equal } from '../crypto/compare.ts'
import { mac } from '../crypto/digest.ts'
import type { Keyring, KeySet } from '../crypto/keyring.ts'
import { formatGrantKey, GRANT_PATTERN, type GrantKey } from '../grants/grant-key.ts'

const TOKEN = new RegExp(`^${GRANT_PATTERN}\\.(\\d{1,10})\\.([\\w-]{43})$`)

const seal = (keys: KeySet, { user, id }: GrantKey, generation: number): string =>
  mac(keys.key('refresh-token'), [user, id, String(generation)])

/**
 * Returns the refresh token of one generation, `<user>.<id>.<generation>.<hmac>`. Deterministic: the same grant and
 * generation always give the same token.
 */
export const refreshToken = (keyring: Keyring, key: GrantKey, generation: number): string =>
  `${formatGrantKey(key)}.${generation}.${seal(keyring.current, key, generation)}`

/** Returns the grant and generation of a refresh token that this server issued, or `undefined` for any other text. */
export function parseRefreshToken(
  keyring: Keyring,
  token: string,
): { key: GrantKey; generation: number } | undefined {
  const match = TOKEN.exec(token)
  if (!match) return undefined
  const key = { user: match[1]!, id: match[2]! }
  const generation = Number(match[3])
  const authentic = keyring.all.some((keys) => equal(seal(keys, key, generation), match[4]!))
  return authentic && String(generation) === match[3] ? { key, generation } : undefined
}
