/** Characters that show nothing or change the direction of text. With them a name could pass for another, or for none. */
const DECEPTIVE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{13441}\u{13442}\u{16fe4}\u{1d159}]/gu

/** Marks without a letter of their own. They would join the text before the name. */
const MARKS_AT_START = /^[\p{M}\s]+/u

/**
 * Returns a name that is safe to show: without deceptive characters, composed, and cut. Returns `undefined` if no visible
 * character is left.
 *
 * @param most The most characters.
 */
export function readName(name: string | null | undefined, most = 100): string | undefined {
  const clean = name?.replace(DECEPTIVE, '').replace(MARKS_AT_START, '').normalize('NFC') ?? ''
  const line = clean.replace(/\s+/g, ' ').trim()
  return [...line].slice(0, most).join('').trim() || undefined
}

/** Returns the words for a user on a page: the address, or else the name. */
export const userName = (user: {
  readonly email?: string | undefined
  readonly name?: string | undefined
}): string | undefined => readName(user.email, 250) ?? readName(user.name, 250)
