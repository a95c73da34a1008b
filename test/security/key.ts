import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { TestClient } from '../support/system.ts'

/** A key that a client signs its assertions with. */
export interface Key {
  readonly private: CryptoKey
  readonly jwks: { readonly keys: readonly Record<string, unknown>[] }
}

export async function newKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    private: privateKey,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] },
  }
}

/** Parameters of `private_key_jwt`, right but for `changes`. */
export async function assertion(
  client: TestClient,
  audience: string,
  key: Key,
  changes: Record<string, unknown> = {},
): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: client.id,
    sub: client.id,
    aud: audience,
    iat: now,
    exp: now + 60,
    jti: crypto.randomUUID(),
  }
  const signed = await new SignJWT({ ...claims, ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .sign(key.private)
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signed,
  }
}
