import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import { formatGrantKey, GRANT_PATTERN, type GrantKey } from '../grants/grant-key.ts'

const CODE = new RegExp(`^${GRANT_PATTERN}\\.([\\w-]{27})$`)

/** Makes a new authorization code, `<user>.<id>.<secret>`, and the digest that the grant keeps. */
export function newCode(key: GrantKey): { code: string; hash: string } {
  const secret = randomId(20)
  return { code: `${formatGrantKey(key)}.${secret}`, hash: digest(secret) }
}

/** Returns the grant of a code and the digest of its secret, or `undefined` if the text is not a code. */
export function parseCode(code: string): { key: GrantKey; secretHash: string } | undefined {
  const match = CODE.exec(code)
  return match ? { key: { user: match[1]!, id: match[2]! }, secretHash: digest(match[3]!) } : undefined
}
