import { chmod, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from './private-folder.ts'

/**
 * Creates a database file that its owner alone can read, or takes the rights of others from an existing one. SQLite gives
 * the same mode to the files next to it.
 */
export async function ownerOnly(path: string): Promise<void> {
  makeFolder(dirname(path))
  const file = await open(path, 'a', 0o600)
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) await file.chmod(mode & 0o700)
  } finally {
    await file.close()
  }
  // Older versions left these readable.
  for (const end of ['-wal', '-shm']) await chmod(path + end, 0o600).catch(() => {})
}
