import { accessSync, constants, statfsSync } from 'node:fs'

/*
 * Puts temporary files into memory where there is plenty, for this process and what it starts. Database engines wait
 * for their disk at every commit, and a busy machine's disk can be slower than the moment after which a store counts
 * as failed: that is no fault of what is tested.
 */

const MEMORY = '/dev/shm'
const PLENTY = 2 ** 31

try {
  accessSync(MEMORY, constants.W_OK)
  const { bavail, bsize } = statfsSync(MEMORY)
  if (bavail * bsize > PLENTY) process.env.TMPDIR ??= MEMORY
} catch {
  // Not on this system: the usual folder it is.
}
