/** Returns the place and the likely cause of the first syntax error of a JSON text. Quotes nothing of the text. */
export function jsonError(text: string): string {
  const at = errorAt(text)
  const before = text.slice(0, at)
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  const next = text[at] ?? ''
  const cause =
    next === ''
      ? ': the text ends too early'
      : next === '/'
        ? ': JSON has no comments'
        : /[}\]]/.test(next) && /,\s*$/.test(before)
          ? ': remove the comma before it'
          : ''
  return `line ${line}, column ${column}: is not valid JSON${cause}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

/** Returns the offset of the first character that cannot belong to JSON, or the length of the text. */
function errorAt(text: string): number {
  let at = 0
  const skip = () => {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++
  }
  const accept = (token: string | RegExp): boolean => {
    skip()
    if (typeof token === 'string') {
      if (text[at] !== token) return false
      at++
      return true
    }
    token.lastIndex = at
    const match = token.exec(text)
    at += match?.[0].length ?? 0
    return match !== null
  }
  const list = (end: string, item: () => boolean): boolean => {
    if (accept(end)) return true
    while (item()) {
      if (accept(end)) return true
      if (!accept(',')) return false
    }
    return false
  }
  const value = (): boolean => {
    if (accept('{')) return list('}', () => accept(STRING) && accept(':') && value())
    if (accept('[')) return list(']', value)
    return accept(STRING) || accept(SCALAR)
  }
  if (value()) skip()
  return at
}
