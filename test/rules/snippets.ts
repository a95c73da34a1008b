import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname

/** Every Markdown document of the repository that people read, by its path. */
export const documents = (): string[] => [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['docs', 'examples'].flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
          .map((file) => `${folder}/${file}`)
          .sort()
      : [],
  ),
]

export const readDocument = (file: string): string => readFileSync(join(root, file), 'utf8')

/** A fenced block of a document. */
export interface Snippet {
  /** The document and line it begins at. */
  readonly place: string
  readonly code: string
}

/** The fenced blocks of one language in one document. */
export function snippetsOf(document: string, language: string): Snippet[] {
  const text = readDocument(document)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => ({
    place: `${document}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1]!,
  }))
}

/** The folder that the type check finds the snippets in. */
export const GENERATED = join(root, 'test/generated')

/**
 * The files that hold the TypeScript of the documents, for the type check of the whole repository. A snippet that
 * begins with `// src/….ts` imports as if it were that file.
 */
export function snippetFiles(): Map<string, string> {
  const snippets = documents().flatMap((document) => snippetsOf(document, 'ts'))
  const files = new Map(
    snippets.map(({ place, code }, index) => {
      const home = /^\/\/ ([\w/-]+\.ts)$/.exec(code.split('\n', 1)[0]!)?.[1]
      const placed = home
        ? code.replace(/from '(\.[^']+)'/g, (_, path: string) => `from '../../${join(dirname(home), path)}'`)
        : code
      return [`snippet-${String(index).padStart(3, '0')}.ts`, `// ${place}\n${placed}\nexport {}\n`]
    }),
  )
  // Shows that the check sees these files: without its error, this one is an error itself.
  const [first] = snippets.filter(({ code }) => /^\s*mcp:/m.test(code))
  if (first) {
    const wrong = first.code.replace(/^(\s*)mcp:/m, '$1// @ts-expect-error There is no such option.\n$1mpc:')
    files.set('misspelt.ts', `// ${first.place}\n${wrong}\nexport {}\n`)
  }
  return files
}
