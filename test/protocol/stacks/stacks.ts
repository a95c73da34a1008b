/** What a server behind would run of a body: the method, and the name of the tool. */
export type Ran = readonly (readonly [method: string, name: string | null])[]

const messagesOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** A stack that decodes with replacement, and parses with `JSON.parse`: the last of repeated names counts. */
export function ranByNode(body: Uint8Array): Ran {
  try {
    return messagesOf(JSON.parse(new TextDecoder().decode(body))).flatMap((one): Ran => {
      const { method, params } = (one ?? {}) as { method?: unknown; params?: { name?: unknown } }
      return typeof method === 'string' ? [[method, text(params?.name)]] : []
    })
  } catch {
    return []
  }
}

/**
 * A stack like Go's decoder: names are equal regardless of case, later ones overwrite earlier ones, nested objects are
 * merged, a value after the first one is not read, and invalid text becomes U+FFFD.
 */
export function ranByGo(body: Uint8Array): Ran {
  const pairs = parsePairs(new TextDecoder('utf-8', { ignoreBOM: true }).decode(body))
  if (pairs === undefined) return []
  return messagesOf(pairs).flatMap((one): Ran => {
    if (!(one instanceof Pairs)) return []
    let method: string | null = null
    let name: string | null = null
    for (const [key, value] of one.list) {
      if (same(key, 'method')) method = text(value) ?? method
      if (same(key, 'params') && value instanceof Pairs) {
        for (const [inner, own] of value.list) if (same(inner, 'name')) name = text(own) ?? name
      }
    }
    return method === null ? [] : [[wellFormed(method), name === null ? null : wellFormed(name)]]
  })
}

const wellFormed = (value: string): string => Buffer.from(value).toString()

const same = (key: string, name: string): boolean => fold(key) === fold(name)

/** Simple case folding, as `strings.EqualFold` has it: also the long s and the Kelvin sign. */
const fold = (key: string): string => key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()

class Pairs {
  readonly list: [string, unknown][] = []
}

/** Reads the first JSON value of a text. Keeps every member of an object, in order. */
function parsePairs(source: string): unknown {
  let at = 0
  const blank = () => {
    while (at < source.length && ' \t\n\r'.includes(source[at]!)) at++
  }
  const value = (): unknown => {
    blank()
    if (source[at] === '{') {
      at++
      const pairs = new Pairs()
      blank()
      if (source[at] === '}') {
        at++
        return pairs
      }
      for (;;) {
        blank()
        const key = literal()
        if (typeof key !== 'string') throw new SyntaxError('a name must be a text')
        blank()
        if (source[at++] !== ':') throw new SyntaxError('expected a colon')
        pairs.list.push([key, value()])
        blank()
        const next = source[at++]
        if (next === '}') return pairs
        if (next !== ',') throw new SyntaxError('expected a comma')
      }
    }
    if (source[at] === '[') {
      at++
      const list: unknown[] = []
      blank()
      if (source[at] === ']') {
        at++
        return list
      }
      for (;;) {
        list.push(value())
        blank()
        const next = source[at++]
        if (next === ']') return list
        if (next !== ',') throw new SyntaxError('expected a comma')
      }
    }
    return literal()
  }
  const literal = (): unknown => {
    const found = /^("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/.exec(
      source.slice(at),
    )?.[0]
    if (found === undefined) throw new SyntaxError('expected a value')
    at += found.length
    return JSON.parse(found)
  }
  try {
    return value()
  } catch {
    return undefined
  }
}
