/** The message for a credential that was read with what surrounds it in its file. */
export const UNTRIMMED = 'has a blank, a line break or a byte order mark at its start or end: remove it'

/** Tells whether a text has no blank, line break or byte order mark at its ends, as the contents of a file often have. */
export const isTrimmed = (text: string): boolean => text === text.trim()

/** Returns what is wrong with a credential, if it is given at all. */
export function credentialFault(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') return 'expected text'
  if (!isTrimmed(value)) return UNTRIMMED
  if (/^(["'`]).*\1$|^[‘“].*[’”]$/.test(value)) return 'has quotation marks around it: remove them'
  // No registered value has these. Documents show them in place of one.
  return /…|^\.\.\.|^<.*>$/.test(value) ? 'is a placeholder: put in the value of your application' : undefined
}
