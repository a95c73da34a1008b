const ASCII = /^[\0-\x7f]*$/

/** Tells whether a text has ASCII characters only. */
export const isAscii = (text: string): boolean => ASCII.test(text)

/**
 * Returns the URL that a text names, or `undefined` if it names none.
 *
 * Call this and not `URL.canParse`. On Node 20 and 22 that one reads bytes of Latin-1 as UTF-8 after some thousand calls.
 * It then refuses `https://bücher.example/` and accepts URLs that do not exist.
 *
 * @see [URL Standard §6.1](https://url.spec.whatwg.org/#dom-url-parse)
 */
export function parseUrl(text: string, base?: string | URL): URL | undefined {
  if (URL.parse !== undefined) return URL.parse(text, base) ?? undefined
  // Node 20 has no `URL.parse`. An exception costs more than the question, which is safe for ASCII.
  if (isAscii(`${text} ${base}`) && !URL.canParse(text, base)) return undefined
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
