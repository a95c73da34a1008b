import { isAscii } from './parse-url.ts'

/** `true` if the runtime reads the bytes of headers as UTF-8, as Workers do. The others read each byte as a character. */
const IS_UTF8 = ((): boolean => {
  try {
    return new Headers({ text: '\u0101' }).get('text') === '\u0101'
  } catch {
    return false
  }
})()

/** Returns a header as text, its bytes read as UTF-8. `undefined` if they are not UTF-8. */
export function fieldText(value: string): string | undefined {
  if (isAscii(value)) return value
  if (IS_UTF8) return value.includes('\ufffd') ? undefined : value
  try {
    const bytes = Uint8Array.from(value, (char) => char.charCodeAt(0))
    return /^[\0-\xff]*$/.test(value) ? new TextDecoder('utf-8', { fatal: true }).decode(bytes) : undefined
  } catch {
    return undefined
  }
}
