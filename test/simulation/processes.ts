import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleSimulation } from './bundle.ts'
import { type Coverage, emptyCoverage, merge } from './coverage.ts'
import type { Plant } from './planted-faults.ts'
import type { Failure, Job, Message } from './worker.ts'

/** The result of a run. */
export interface Run {
  readonly coverage: Coverage
  /** The histories that broke a rule: at most one for each process. */
  readonly failures: readonly Failure[]
}

/**
 * Runs histories in several processes. The first broken rule ends the run.
 *
 * @param options.plant A change of the product to run with.
 * @param options.onProgress Called with the coverage so far.
 * @param options.signal Ends the run early. The coverage until then is returned.
 * @throws {Error} A process ended without a result.
 */
export async function simulate(
  job: Omit<Job, 'index' | 'of'>,
  options: {
    processes: number
    plant?: Plant
    onProgress?: (coverage: Coverage) => void
    signal?: AbortSignal
  },
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-simulation-'))
  const children: ChildProcess[] = []
  const coverage = emptyCoverage()
  const failures: Failure[] = []
  let stopping = false
  const stop = () => {
    stopping = true
    for (const child of children) child.kill('SIGKILL')
  }
  try {
    const bundle = join(folder, 'simulation.mjs')
    await bundleSimulation(bundle, options.plant)
    options.signal?.addEventListener('abort', stop)
    const one = (index: number) =>
      new Promise<void>((resolve, reject) => {
        const own: Job = { ...job, index, of: options.processes }
        const child = fork(bundle, [JSON.stringify(own)], { execArgv: ['--max-semi-space-size=32'] })
        children.push(child)
        child.on('message', (message: Message) => {
          if (message.type === 'part') {
            merge(coverage, message.part)
            options.onProgress?.(coverage)
          } else {
            failures.push(message.failure)
            stop()
          }
        })
        child.on('error', reject)
        child.on('exit', (code) => {
          if (code === 0 || stopping) resolve()
          else reject(new Error(`a process of the simulation ended with ${code}`))
        })
      })
    await Promise.all(Array.from({ length: options.processes }, (_, index) => one(index)))
    return { coverage, failures }
  } finally {
    stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
