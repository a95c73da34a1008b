/** Reads the members of client metadata. `null`, an empty text and an empty list count as absent. */
export interface Members {
  /** Returns a text. Throws if the member is anything else. */
  text(name: string): string | undefined
  /** Returns the texts of a list. Throws if the member is not a list. */
  list(name: string): readonly string[] | undefined
  /** Returns a scope value. Throws if it is not one, or is over 4,000 characters. */
  scope(name: string): string | undefined
}

const MAX_SCOPE = 4000

/**
 * Creates a reader for one JSON object.
 *
 * @param refuse Makes the error to throw, from a sentence that names the member.
 */
export function membersOf(
  body: Readonly<Record<string, unknown>>,
  refuse: (problem: string) => Error,
): Members {
  const value = (name: string): unknown => (Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined)

  function text(name: string): string | undefined {
    const found = value(name)
    if (found === undefined || found === '') return undefined
    if (typeof found !== 'string') throw refuse(`${name} must be a text`)
    return found
  }

  return {
    text,
    list(name) {
      const found = value(name)
      if (found === undefined) return undefined
      if (!Array.isArray(found)) throw refuse(`${name} must be a list of texts`)
      const texts = found.filter((item) => typeof item === 'string')
      return texts.length > 0 ? texts : undefined
    },
    scope(name) {
      const found = text(name)
      if (found !== undefined && found.length > MAX_SCOPE) throw refuse(`${name} is over 4,000 characters`)
      if (found !== undefined && !/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(found)) {
        throw refuse(`${name} must be space-separated scopes`)
      }
      return found?.trim() || undefined
    },
  }
}

/** Returns the body if it is a JSON object. */
export const asObject = (body: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof body === 'object' && body !== null && !Array.isArray(body)
    ? (body as Readonly<Record<string, unknown>>)
    : undefined
