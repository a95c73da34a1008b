import { randomBytes } from 'node:crypto'
import type { Person, Profile } from './profile.ts'

/** The tokens of one sign-in at the imitation. */
interface Family {
  readonly person: Person
  readonly scope: string
  readonly nonce: string | undefined
  over: boolean
}

interface Token {
  readonly family: Family
  over: boolean
  /** The time at which a refresh token was used, in milliseconds. */
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
  readonly #now: () => number
  readonly #codes = new Map<string, Authorization & { family?: Family }>()
  readonly #access = new Map<string, Token>()
  readonly #refresh = new Map<string, Token>()

  /** @param now The time in seconds since the epoch, for tokens that carry it. */
  constructor(profile: Profile, now: () => number) {
    this.#profile = profile
    this.#now = now
  }

  issueCode(authorization: Authorization): string {
    const code = `code-${randomBytes(12).toString('hex')}`
    this.#codes.set(code, authorization)
    return code
  }

  /** @returns What the code stands for, or `undefined` if it is unknown or used: then all of its tokens end. */
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

  /** @returns New tokens, or `undefined` if the old one is not valid. A second use ends everything. */
  renew(refreshToken: string) {
    const token = this.#refresh.get(refreshToken)
    if (!token || token.over || token.family.over) return undefined
    const { refreshes, grace = 0, refreshKillsAccess } = this.#profile
    if (token.usedAt !== undefined && Date.now() - token.usedAt >= grace * 1000) {
      token.family.over = this.#profile.toleratesReuse !== true
      return undefined
    }
    if (refreshKillsAccess)
      for (const one of this.#access.values()) if (one.family === token.family) one.over = true
    if (refreshes !== 'rotates')
      return this.#issue(token.family, refreshes === 'same' ? refreshToken : undefined)
    token.usedAt ??= Date.now()
    return this.#issue(token.family, this.#newRefresh(token.family))
  }

  /** Returns the owner of an access token while it works. */
  personOf(accessToken: string): Person | undefined {
    const token = this.#access.get(accessToken)
    return token && !token.over && !token.family.over ? token.family.person : undefined
  }

  /** Ends the sign-in that a token belongs to, or all of its user. @returns `false` for one that has ended or is unknown. */
  end(token: string, all = false): boolean {
    const found = this.#refresh.get(token) ?? this.#access.get(token)
    if (!found || found.family.over) return false
    found.family.over = true
    const { login } = found.family.person
    if (all)
      for (const { family } of [...this.#access.values(), ...this.#refresh.values()])
        if (family.person.login === login) family.over = true
    return true
  }

  /** Uses every refresh token once, as an instance that died would have. */
  renewAll(): void {
    for (const token of [...this.#refresh.keys()]) this.renew(token)
  }

  /** Every token that was issued. */
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
    const id = randomBytes(12).toString('hex')
    const accessToken = this.#profile.accessToken?.(id, family.person, this.#now()) ?? `access-${id}`
    this.#access.set(accessToken, { family, over: false })
    const { person, scope, nonce } = family
    return { accessToken, refreshToken, person, scope, nonce }
  }
}
