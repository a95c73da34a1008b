/**
 * Measures the English of the code and the documents, and lists what breaks the rules, by room.
 *
 *   npx tsx test/rules/english.ts [folder]
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { documents } from './snippets.ts'

const root = new URL('../..', import.meta.url).pathname

/** Pronouns without an actor. */
const VAGUE = /\b(whoever|whatever|nobody|somebody|anybody)('s)?\b/gi
/** Openers that put the subject last. */
const RELATIVE = /^(What|Whether|Where|Who|Whose|How|When)\b/
/** Words of one sentence at most. */
const LONGEST = 30

/** One finding, with its place. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** One JSDoc comment as prose: without its stars, its code blocks and the names of its tags. */
interface Comment {
  readonly file: string
  readonly line: number
  readonly text: string
}

export const codeFiles = (): string[] =>
  ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`)
      .sort(),
  )

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

export const comments = (file: string): Comment[] => {
  const source = read(file)
  return [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map((match) => ({
    file,
    line: lineAt(source, match.index),
    text: match[1]!
      .replace(/^ *\* ?/gm, '')
      .replace(/```[\s\S]*?```/g, '')
      .trim(),
  }))
}

/** Every place of a vague pronoun in the code and the documents. Strings count: users read them. */
export function vaguePronouns(): Fault[] {
  return [...codeFiles(), ...documents()].flatMap((file) => {
    const text = read(file)
    return [...text.matchAll(VAGUE)].map(({ 0: word, index }) => ({
      file,
      line: lineAt(text, index),
      text: word,
    }))
  })
}

/** The JSDoc comments of the code that open with a relative word, and how many comments there are. */
export function relativeOpeners(): { faults: Fault[]; all: number } {
  const all = codeFiles().flatMap(comments)
  const faults = all
    .filter(({ text }) => RELATIVE.test(text))
    .map(({ file, line, text }) => ({ file, line, text: text.split('\n', 1)[0]! }))
  return { faults, all: all.length }
}

/** Splits prose into its sentences. List items, items between dots, rows of tables and tags are sentences of their own. */
export function sentencesOf(text: string): string[] {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`[^`]*`/g, 'code')
    .split(/\n\s*\n|\n(?=\s*(?:[-*>|#]|\d+\.) )|\n(?=@)/)
    .flatMap((part) => part.replace(/\s+/g, ' ').split(/(?<=[.!?][)*]*) | · /))
    .filter((sentence) => sentence.trim() !== '')
}

/** The paragraphs of a document, without code blocks and tables. */
function prose(file: string): Comment[] {
  const blank = (block: string) => block.replace(/[^\n]/g, '')
  const text = read(file)
    .replace(/^ *```[\s\S]*?^ *```$/gm, blank)
    .replace(/^\|.*$/gm, blank)
  return [...text.matchAll(/(?:.+\n)+/g)].map((match) => ({
    file,
    line: lineAt(text, match.index),
    text: match[0].trim(),
  }))
}

/** Sentences that are too long, in the JSDoc of the code and in the prose of the documents. */
export function longSentences(): Fault[] {
  return [...codeFiles().flatMap(comments), ...documents().flatMap(prose)].flatMap(({ file, line, text }) =>
    sentencesOf(text)
      .filter((sentence) => sentence.split(' ').length > LONGEST)
      .map((sentence) => ({
        file,
        line,
        text: `${sentence.split(' ').length} words: ${sentence.slice(0, 90)}`,
      })),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const only = process.argv[2] ?? ''
  const roomOf = (file: string) =>
    file
      .split('/')
      .slice(0, file.startsWith('adapters/cli') ? 3 : 2)
      .join('/')
  const list = (title: string, faults: readonly Fault[]) => {
    const shown = faults.filter(({ file }) => file.startsWith(only))
    console.log(`\n${title}: ${shown.length}`)
    const rooms = new Map<string, Fault[]>()
    for (const fault of shown) {
      const room = roomOf(fault.file)
      rooms.set(room, [...(rooms.get(room) ?? []), fault])
    }
    for (const [room, entries] of rooms) {
      console.log(`  ${room}: ${entries.length}`)
      if (only) for (const { file, line, text } of entries) console.log(`    ${file}:${line} ${text}`)
    }
  }
  list('Vague pronouns', vaguePronouns())
  const { faults, all } = relativeOpeners()
  list(`Relative openers (${((100 * faults.length) / all).toFixed(1)} % of ${all})`, faults)
  list(`Sentences over ${LONGEST} words`, longSentences())
}
