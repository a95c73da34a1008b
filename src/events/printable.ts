/** Characters that end a line, move a cursor or reorder text: controls, DEL, C1, bidi marks and line separators. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

const escapeOne = (character: string): string =>
  character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Returns text of another party so that it can be printed on one line of a terminal or a log. */
export const printable = (text: string): string => text.replace(UNSAFE, escapeOne)
