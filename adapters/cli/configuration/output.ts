let isLost = false

/** The codes of a reader that has left. Its pipe may be a socket. */
const LEFT: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET'])

/** Tells once that the output could not be written. The process then ends with 1 instead of 0. */
function reportLoss({ code = 'EIO' }: NodeJS.ErrnoException): void {
  // A reader that leaves, such as `head`, has read enough.
  if (LEFT.has(code) || isLost) return
  isLost = true
  process.stderr.write(`The output cannot be written (${code}).\n`)
  process.once('exit', (status) => {
    if (status === 0) process.exitCode = 1
  })
}

/**
 * Keeps a command alive whose output is not read to its end: `grants revoke | head` ends every grant that it should. Call
 * it once, before the first output.
 */
export function outliveReaders(): void {
  process.stdout.on('error', reportLoss)
  process.stderr.on('error', () => {})
}

/**
 * Keeps a server alive whose log cannot be written any more.
 *
 * @param warn Tells the operator, once for each cause.
 */
export function outliveLog(warn: (message: string) => void): void {
  const told = new Set<string>()
  process.stdout.off('error', reportLoss).on('error', ({ code = 'EIO' }: NodeJS.ErrnoException) => {
    if (told.has(code)) return
    told.add(code)
    warn(
      LEFT.has(code)
        ? 'the reader of standard output has left, and events are lost; restart both'
        : `events cannot be written to standard output (${code}), and are lost until they can`,
    )
  })
}
