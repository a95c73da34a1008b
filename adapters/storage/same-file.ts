import { statSync } from 'node:fs'
import { StatedError } from '../../src/internal.ts'

/** A database file was moved, unmounted or replaced while this process had it open. */
export class FileGone extends StatedError {
  override readonly name = 'FileGone'
}

/**
 * Remembers the file at a path, which was just opened. An engine goes on with a file that was moved or deleted, and its
 * records would be lost with the process.
 *
 * @returns A function that looks again.
 * @throws {FileGone} From that function, if another file is there, or none. The first one may come back.
 */
export function sameFile(path: string): () => void {
  const look = () => statSync(path, { bigint: true, throwIfNoEntry: false })
  const opened = look()
  return () => {
    const found = look()
    if (found && found.ino === opened?.ino && found.dev === opened.dev) return
    throw new FileGone(
      `${path} was moved, unmounted or replaced while it was in use: put the file back, or restart to use what is there now`,
    )
  }
}
