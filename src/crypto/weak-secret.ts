/** Words of documents and placeholders. A random secret contains one of them only once in millions. */
const WORDS =
  /change.?(me|this)|example|password|placeholder|replace.?(me|this)|your.?secret|lockgate|insert/i

/** The least entropy, in bits: a third of the entropy that `lockgate secret` makes. */
const ENOUGH = 80

/**
 * Tells whether a secret is guessable: a text of the documents, few different characters, or repetitions. A secret that
 * passes need not be random. One that fails is not.
 */
export function isGuessable(secret: string): boolean {
  return WORDS.test(secret) || entropy(secret) * variety(secret) < ENOUGH
}

/** Returns the Shannon entropy of the characters, over the whole text. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return -[...counts.values()].reduce((sum, count) => sum + count * Math.log2(count / text.length), 0)
}

/** Returns the part of a text that is not a repetition: 1 if no three characters occur twice. */
function variety(text: string): number {
  const pieces = Array.from(text.slice(2), (_, index) => text.slice(index, index + 3))
  return new Set(pieces).size / pieces.length
}
