import type { UserClaim } from '../options/access-token.ts'

/** The user as an access token or an identity knows them. */
export interface KnownUser {
  readonly email?: string | undefined
  readonly emailVerified: boolean
  readonly name?: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

/** The claims about a user that fit into a token. */
export interface UserClaims {
  readonly email?: string
  readonly name?: string
  readonly groups?: readonly string[]
}

/** Groups of one user, and their characters together. Request headers have little room. */
const MOST_GROUPS = 50
const MOST_CHARACTERS = 2500

/**
 * Returns the claims about a user that the operator chose.
 *
 * @returns `omitted` is `true` if the groups do not fit. A part of them would be a wrong statement.
 */
export function userClaims(
  wanted: readonly UserClaim[],
  user: KnownUser | undefined,
): { readonly claims: UserClaims; readonly omitted: boolean } {
  if (!user || wanted.length === 0) return { claims: {}, omitted: false }
  const groups = wanted.includes('groups') ? groupsOf(user.claims.groups) : []
  const fits = groups.length <= MOST_GROUPS && groups.join(' ').length <= MOST_CHARACTERS
  const email = wanted.includes('email') && user.emailVerified ? user.email : undefined
  const name = wanted.includes('name') ? user.name : undefined
  return {
    claims: {
      ...(email !== undefined && { email }),
      ...(name !== undefined && { name }),
      ...(groups.length > 0 && fits && { groups }),
    },
    omitted: !fits,
  }
}

const groupsOf = (groups: unknown): readonly string[] =>
  Array.isArray(groups) ? groups.filter((one) => typeof one === 'string') : []
