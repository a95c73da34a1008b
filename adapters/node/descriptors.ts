import { closeSync, openSync } from 'node:fs'
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

function descriptorLimit(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | 'unlimited' } }
  }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
