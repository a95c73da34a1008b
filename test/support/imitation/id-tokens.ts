import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'

const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
/** Made once for all imitations of a process: they cost more than everything else. */
let shared: ReturnType<typeof newKey> | undefined

/** What an ID token is made of, before a test gets at it. */
export interface Draft {
  claims: Record<string, unknown>
  alg: string
  /** Changes the finished token. */
  after?: (token: string) => string
}

/** Signs ID tokens, and publishes the key. */
export class IdTokens {
  #key: { publicKey: KeyObject; privateKey: KeyObject }
  #kid = 'key-1'
  /** What a test does to each ID token. */
  tamper: ((draft: Draft) => void) | undefined

  constructor() {
    shared ??= newKey()
    this.#key = shared
  }

  /** From now on another key signs, and the one before is no longer published. */
  rotate(): void {
    this.#key = newKey()
    this.#kid = `key-${Number(this.#kid.slice(4)) + 1}`
  }

  async jwks(): Promise<{ keys: unknown[] }> {
    return { keys: [{ ...(await exportJWK(this.#key.publicKey)), kid: this.#kid, use: 'sig', alg: 'RS256' }] }
  }

  async issue(claims: Record<string, unknown>): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const draft: Draft = { claims: { iat: now, exp: now + 300, ...claims }, alg: 'RS256' }
    this.tamper?.(draft)
    if (draft.alg === 'none') {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${part({ alg: 'none' })}.${part(draft.claims)}.`
    }
    const token = await new SignJWT(draft.claims)
      .setProtectedHeader({ alg: draft.alg, kid: this.#kid })
      .sign(this.#key.privateKey)
    return draft.after ? draft.after(token) : token
  }
}
