/** Returns the names of a query's parameters, each decoded as forms are. */
function* namesOf(search: string): Generator<{ pair: string; name: string }> {
  for (const pair of search.slice(1).split('&')) {
    const end = pair.indexOf('=')
    yield { pair, name: decode(end < 0 ? pair : pair.slice(0, end)) }
  }
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/**
 * Returns whether a query has a parameter called `access_token`, however the name is encoded.
 *
 * @see [RFC 6750 §2.3](https://www.rfc-editor.org/rfc/rfc6750#section-2.3)
 */
export function hasAccessToken(search: string): boolean {
  if (search === '' || !/token|%/i.test(search)) return false
  for (const { name } of namesOf(search.replaceAll(';', '&'))) if (name === 'access_token') return true
  return false
}

/** Decodes as the most lenient parsers do: escapes of UTF-16 too, and valid escapes beside invalid ones. */
function decodeAll(name: string): string {
  let text = name
  for (let round = 0; round < 3 && text.includes('%'); round++) {
    const units = text.replace(/%u([\da-f]{4})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    // The parser of URLs leaves invalid escapes as they are. A separator in a name would end it.
    const safe = units.replace(/[&=+]/g, encodeURIComponent)
    text = new URLSearchParams(`${safe}=`).keys().next().value ?? ''
  }
  return text
}

/**
 * Folds a parameter's name as the most lenient parsers do, so that no spelling of it is missed. It folds escapes of
 * escapes, case, width, surrounding blanks, and the characters that PHP turns into an underscore. Of names with brackets it
 * keeps the first part: `name[]`, `name[0]` and `[name]` are `name` to some parsers.
 */
function foldName(name: string): string {
  const text = decodeAll(name).normalize('NFKC').replace(/\0.*$/s, '').trim()
  const [first = ''] = /[^[\]]+/.exec(text) ?? []
  return first.trim().replace(/[ .]/g, '_').toUpperCase().toLowerCase()
}

/** The query of a configured URL, which a client can add to but not change. */
export interface FixedQuery {
  /** Adds a client's query. Returns the whole with its question mark, or an empty string. */
  with(search: string): string
  /** Removes the operator's parameters, which may be secrets. Returns the rest with its question mark, or an empty string. */
  without(search: string): string
}

/** @param own The query of the configured URL, with its question mark, or an empty string. */
export function fixQuery(own: string): FixedQuery {
  if (own.length < 2) return { with: (search) => search, without: (search) => search }
  const taken = new Set([...namesOf(own)].map(({ name }) => foldName(name)))
  // Some parsers separate parameters by semicolons too.
  const isTaken = (pair: string): boolean =>
    pair.split(';').some((part) => [...namesOf(`?${part}`)].some(({ name }) => taken.has(foldName(name))))
  const added = (search: string): string[] =>
    [...namesOf(search)].map(({ pair }) => pair).filter((pair) => pair !== '' && !isTaken(pair))
  return {
    with: (search) => [own, ...added(search)].join('&'),
    without(search) {
      const rest = added(search)
      return rest.length === 0 ? '' : `?${rest.join('&')}`
    },
  }
}
