import { documents, readDocument } from '../rules/snippets.ts'

/**
 * Returns a fenced block of a document, by its language and a text that it contains.
 *
 * @throws {Error} If the document has no such block, or several.
 */
export function blockOf(document: string, language: string, containing = ''): string {
  const found = blocksOf(document, language).filter((block) => block.includes(containing))
  if (found.length !== 1) {
    throw new Error(`${document}: ${found.length} blocks of ${language} contain ${containing}`)
  }
  return found[0]!
}

/** Returns all fenced blocks of one language. */
export const blocksOf = (document: string, language: string): string[] =>
  [...readDocument(document).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (match) => match[1]!,
  )

/**
 * Replaces parts of a text that only a reader's own machine has.
 *
 * @throws {Error} If a part is not there, because the document has changed.
 */
export function adapt(text: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`expected ${from} in:\n${text}`)
    return result.replaceAll(from, to)
  }, text)
}

/** Every example, by the name of its folder. */
export const exampleDocuments = (): string[] => documents().filter((file) => file.startsWith('examples/'))
