import { randomBytes } from 'node:crypto'
import type { Person, Profile } from './profile.ts'

/** What one sign-in at the imitation led to. */
interface Family {
  readonly person: Person
  readonly scope: string
  readonly nonce: string | undefined
  over: boolean
}

interface Token {
  readonly family: Family
  over: boolean
  /** When a refresh token was used, in milliseconds. */
  usedAt?: number
}

export interface Authorization {
  readonly person: Person
  readonly redirectUri: string
  readonly challenge: string | undefined
  readonly nonce: string | undefined
  readonly scope: string
}

/** The codes and tokens of an imitation. A code works once; a refresh token as the profile says. */
export class Grants {
  readonly #profile: Profile
  readonly #codes = new Map<string, Authorization & { family?: Family }>()
  readonly #access = new Map<string, Token>()
  readonly #refresh = new Map<string, Token>()

  constructor(profile: Profile) {
    this.#profile = profile
  }

  issueCode(authorization: Authorization): string {
    const code = `code-${randomBytes(12).toString('hex')}`
    this.#codes.set(code, authorization)
    return code
  }

  /** @returns What the code stands for, or `undefined` where it is unknown or used: then all that came of it ends. */
  takeCode(code: string): (Authorization & { family?: Family }) | undefined {
    const found = this.#codes.get(code)
    if (!found) return undefined
    if (!found.family) return found
    found.family.over = true
    return undefined
  }

  open(found: Authorization & { family?: Family }) {
    const { person, scope, nonce } = found
    found.family = { person, scope, nonce, over: false }
    return this.#issue(
      found.family,
      this.#profile.refreshes === 'never' ? undefined : this.#newRefresh(found.family),
    )
  }

  /** @returns New tokens, or `undefined` where the old one is no good. To use one twice ends everything. */
  renew(refreshToken: string) {
    const token = this.#refresh.get(refreshToken)
    if (!token || token.over || token.family.over) return undefined
    const { refreshes, grace = 0, refreshKillsAccess } = this.#profile
    if (token.usedAt !== undefined && Date.now() - token.usedAt >= grace * 1000) {
      token.family.over = true
      return undefined
    }
    if (refreshKillsAccess)
      for (const one of this.#access.values()) if (one.family === token.family) one.over = true
    if (refreshes !== 'rotates')
      return this.#issue(token.family, refreshes === 'same' ? refreshToken : undefined)
    token.usedAt ??= Date.now()
    return this.#issue(token.family, this.#newRefresh(token.family))
  }

  /** Whose access token it is, while it works. */
  personOf(accessToken: string): Person | undefined {
    const token = this.#access.get(accessToken)
    return token && !token.over && !token.family.over ? token.family.person : undefined
  }

  /** Ends the sign-in that a token belongs to. */
  end(token: string): boolean {
    const found = this.#refresh.get(token) ?? this.#access.get(token)
    if (found) found.family.over = true
    return found !== undefined
  }

  /** As if every refresh token had been used once, by somebody who is gone. */
  renewAll(): void {
    for (const token of [...this.#refresh.keys()]) this.renew(token)
  }

  /** Every token it gave out. */
  issued(): string[] {
    return [...this.#access.keys(), ...this.#refresh.keys()]
  }

  endAll(): void {
    for (const { family } of this.#access.values()) family.over = true
  }

  #newRefresh(family: Family): string {
    const token = `refresh-${randomBytes(12).toString('hex')}`
    this.#refresh.set(token, { family, over: false })
    return token
  }

  #issue(family: Family, refreshToken: string | undefined) {
    const accessToken = `access-${randomBytes(12).toString('hex')}`
    this.#access.set(accessToken, { family, over: false })
    const { person, scope, nonce } = family
    return { accessToken, refreshToken, person, scope, nonce }
  }
}
