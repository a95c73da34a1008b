import { closeSync, openSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { ms } from '../../src/internal.ts'

/** Share of the limit from which an operator should know. */
const NEARLY = 0.9

/** Connections between two looks. */
const STEP = 32

/**
 * Returns a function that warns before a process runs out of file descriptors. Every connection takes one, and a
 * forwarded one takes two. At the limit the system drops new connections without a word to the process.
 *
 * @param warn Gets the number in use and the limit.
 */
export function createDescriptorCheck(
  warn: (used: number, limit: number) => void,
): (connections: number) => void {
  let limit: number | undefined
  let next = STEP
  let warnedAt = Number.NEGATIVE_INFINITY
  return (connections) => {
    if (connections < next) {
      if (connections < next - 2 * STEP) next -= STEP
      return
    }
    next = connections + STEP
    limit ??= descriptorLimit()
    const used = lowestFree(limit)
    if (used < limit * NEARLY || performance.now() - warnedAt < ms.descriptorWarning) return
    warnedAt = performance.now()
    warn(used, limit)
  }
}

/** Returns the number of the next descriptor. The system gives the lowest free one, so that about as many are in use. */
function lowestFree(limit: number): number {
  try {
    const descriptor = openSync(devNull, 'r')
    closeSync(descriptor)
    return descriptor
  } catch {
    return limit
  }
}

/** Returns the soft limit, where the system has it as a file. Node's own report would resolve the name of every peer. */
function descriptorLimit(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
