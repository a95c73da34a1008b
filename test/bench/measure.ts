import { cpus } from 'node:os'

/** One thing to measure, many times a round. */
export interface Operation {
  /** What is measured, such as `guard, warm`: rows of the table. */
  readonly path: string
  /** Who does it: columns of the table. */
  readonly subject: string
  /** How often in a round. */
  readonly times: number
  /** Makes a round ready, unmeasured. @returns What is measured, given its number within the round. */
  prepare(): Promise<(index: number) => Promise<unknown>>
}

/** CPU microseconds of one operation, the median over the rounds that count. */
export interface Figure {
  readonly path: string
  readonly subject: string
  readonly micros: number
}

export interface Measurement {
  readonly figures: readonly Figure[]
  readonly rounds: number
  /** Rounds left out, since something else used the processors. */
  readonly noisy: number
}

/** Microseconds that a process has worked so far, on all its threads. */
export type CpuUsage = () => number | Promise<number>

/** This process. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Share of one processor that others may take during a round. */
const NOISE = 0.25

/** At least this share of the rounds counts, the quietest: on a machine that is never quiet, ratios still tell. */
const LEAST = 1 / 3

/** Rounds that go to the compilers. */
const WARM_UP = 2

/**
 * Measures in rounds, every operation in each, so that whatever slows the machine slows all of them. It counts the
 * time that a process works, not the time that passes.
 *
 * @param cpu Of the process in which the operations happen; this one by default.
 */
export async function measure(
  operations: readonly (Operation & { readonly cpu?: CpuUsage })[],
  rounds: number,
): Promise<Measurement> {
  const samples: { micros: number[]; foreign: number }[] = []
  for (let round = -WARM_UP; round < rounds; round++) {
    const micros: number[] = []
    let [foreign, passed] = [0, 0]
    for (const { prepare, times, cpu = ownCpu } of operations) {
      const run = await prepare()
      // Nobody pays for what others left behind.
      globalThis.gc?.({ type: 'minor' })
      const [all, own, here, start] = [busy(), await cpu(), ownCpu(), performance.now()]
      for (let index = 0; index < times; index++) await run(index)
      const spent = (await cpu()) - own
      const ours = cpu === ownCpu ? spent : spent + ownCpu() - here
      foreign += Math.max(0, busy() - all - ours / 1000)
      passed += performance.now() - start
      micros.push(spent / times)
    }
    if (round >= 0) samples.push({ micros, foreign: foreign / passed })
  }
  samples.sort((a, b) => a.foreign - b.foreign)
  const quiet = samples.filter(({ foreign }, index) => foreign < NOISE || index < rounds * LEAST)
  const figures = operations.map(({ path, subject }, index) => ({
    path,
    subject,
    micros: median(quiet.map(({ micros }) => micros[index]!)),
  }))
  return { figures, rounds, noisy: rounds - quiet.length }
}

/** Milliseconds that all processors together have worked for anybody. */
const busy = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
