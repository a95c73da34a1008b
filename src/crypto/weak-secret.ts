/** Words of documents and of hurried people. Randomness holds none of them but once in millions of secrets. */
const WORDS =
  /change.?(me|this)|example|password|placeholder|replace.?(me|this)|your.?secret|lockgate|insert/i

/** Bits: a third of what `lockgate secret` gives. */
const ENOUGH = 80

/**
 * Whether a secret was made up rather than drawn: a text of the documents, few characters, or the same again and
 * again. What passes need not be random; what fails is not.
 */
export function isGuessable(secret: string): boolean {
  return WORDS.test(secret) || entropy(secret) * variety(secret) < ENOUGH
}

/** Shannon's, of the characters as they are spread, over the whole text. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return -[...counts.values()].reduce((sum, count) => sum + count * Math.log2(count / text.length), 0)
}

/** How much of a text is new: 1 where no three characters come again. */
function variety(text: string): number {
  const pieces = Array.from(text.slice(2), (_, index) => text.slice(index, index + 3))
  return new Set(pieces).size / pieces.length
}
