/** A grant: its user, and its id among the grants of that user. */
export interface GrantKey {
  readonly user: string
  readonly id: string
}

/** Reads a grant as `grants list` prints it. */
export function readGrant(text: string): GrantKey | undefined {
  const [, user, id] = /^([\w-]{22})\.([\w-]{22})$/.exec(text) ?? []
  return user === undefined || id === undefined ? undefined : { user, id }
}

/** The message about a flag that names no grant. */
export const noGrant = (flag: string): string =>
  `${flag}: expected a grant as \`lockgate grants list\` prints it`
