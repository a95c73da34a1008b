import { StringDecoder } from 'node:string_decoder'
import { printable } from '../../../src/internal.ts'

/** Characters of one line. */
const LONGEST = 2000
/** Lines of one program in a second. */
const PER_SECOND = 100

/**
 * Returns a listener for the standard error of a program. It marks each line as the program's and escapes control
 * characters, so that a program cannot imitate the log. It cuts long lines, and counts the lines beyond 100 in a second
 * instead of writing them.
 */
export function createStderr(write: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let [second, lines, dropped] = [0, 0, 0]

  function line(text: string): void {
    const now = Math.floor(Date.now() / 1000)
    if (now !== second) {
      if (dropped > 0) write(`  program | ${dropped} more lines were dropped`)
      ;[second, lines, dropped] = [now, 0, 0]
    }
    if (++lines > PER_SECOND) dropped++
    else write(`  program | ${printable(text.slice(0, LONGEST))}${text.length > LONGEST ? ' …' : ''}`)
  }

  return (chunk) => {
    const texts = (pending + decoder.write(chunk)).split(/\r\n|\n|\r/)
    pending = texts.pop() ?? ''
    for (const text of texts) line(text)
    if (pending.length <= LONGEST) return
    line(pending)
    pending = ''
  }
}
