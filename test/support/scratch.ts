import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where database engines keep their files during tests: in memory where the machine offers that. An engine waits
 * for its disk at each commit, and on a busy machine that passes the moment after which a store counts as failed.
 */
export const scratchRoot: string = (() => {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
})()

let own: string | undefined

/** A folder of this process for such files; it goes with the process. */
export function scratch(): string {
  if (own === undefined) {
    const folder = mkdtempSync(join(scratchRoot, 'lockgate-scratch-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    own = folder
  }
  return own
}
