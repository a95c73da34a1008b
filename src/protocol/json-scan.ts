/** The size of a JSON text, found without building anything of it. */
export interface JsonScan {
  /** The members of all objects, those with a repeated name too. Exact only if the text is JSON. */
  readonly names: number
  /** How many arrays and objects are open at once, at most. */
  readonly depth: number
  /** What the text costs to read: a value counts once, a member twice, and every 8 bytes of its name once more. */
  readonly parts: number
}

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const BRACKET = 91
const BRACKET_END = 93
const BRACE = 123
const BRACE_END = 125

/** Scans a text of any kind once, byte by byte. That costs a few milliseconds for a megabyte. */
export function scanJson(bytes: Uint8Array): JsonScan {
  const { length } = bytes
  let names = 0
  let parts = 0
  let open = 0
  let depth = 0
  /** Bytes of the last string. */
  let last = 0
  for (let at = 0; at < length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      const start = ++at
      while (at < length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
      last = at - start
    } else if (byte === COLON) {
      names++
      parts += 2 + (last >> 3)
    } else if (byte === COMMA) {
      parts++
    } else if (byte === BRACKET || byte === BRACE) {
      parts++
      if (++open > depth) depth = open
    } else if (byte === BRACKET_END || byte === BRACE_END) {
      open--
    }
  }
  return { names, depth, parts }
}
