import type { Readable } from 'node:stream'

/** Calls `take` with each line. Node's readline also parts lines at U+2028, which JSON leaves as it is. */
export function onLine(stream: Readable, take: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) take(line)
  })
}
