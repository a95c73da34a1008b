import { sha256 } from '@noble/hashes/sha2.js'
import type { Choices } from './choices.ts'
import { randomOf } from './choices.ts'
import { installKeys } from './company-keys.ts'
import { installLightWeb } from './light-web.ts'

/** One kind of step: a request arrives, a response arrives, a write takes effect. */
export interface Step {
  /** The instance or client that takes it. */
  readonly by: string
  /** The kind, from a small set. */
  readonly what: string
  /** The record or user that it is about. */
  readonly about?: string
}

interface Pending extends Step {
  run(): void
}

interface Timer {
  readonly due: number
  readonly order: number
  run(): void
}

/** A world with a clock of its own, in which one thing happens at a time, in an order that {@link Choices} decide. */
export interface World {
  readonly choices: Choices
  /** Virtual time in milliseconds since the epoch. */
  now(): number
  /** Lets something happen when the scheduler chooses it. */
  schedule(step: Step, run: () => void): void
  /** A pause in virtual time. */
  sleep(milliseconds: number): Promise<void>
  /** Runs until `done` says so, or until nothing can happen any more. @throws {Error} After too many steps. */
  run(done: () => boolean): Promise<void>
  /** The steps so far, for the report of a failure. */
  trace(): string[]
  /** Adds a line to the trace. */
  note(line: string): void
  /** The kinds of the steps so far, in their order, as numbers from {@link kindOf}. */
  readonly order: readonly number[]
  /** From now on time passes only when nothing else can happen. */
  calm(): void
  /** Told after time has passed although something was ready. */
  onSlow: () => void
}

const kinds = new Map<string, number>()

/** A number for each kind of step. */
export function kindOf(what: string): number {
  const known = kinds.get(what) ?? kinds.size
  kinds.set(what, known)
  return known
}

/** Every kind of step so far, by its number. */
export const kindNames = (): string[] => [...kinds.keys()]

const START = Date.UTC(2026, 0, 1)
/** A history that needs more steps than this runs in circles. */
const MOST_STEPS = 6000

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  dateNow: Date.now,
  random: Math.random,
  getRandomValues: crypto.getRandomValues,
  randomUUID: crypto.randomUUID,
  digest: crypto.subtle.digest,
  performanceNow: performance.now,
  abortTimeout: AbortSignal.timeout,
}

/** Lets everything that waits for no event run to its next wait. */
const settle = async (): Promise<void> => {
  // Every wait in the product is a promise. The next tick comes after all of them.
  await new Promise<void>((resolve) => process.nextTick(resolve))
}

/**
 * Builds a world and puts its clock, timers and random numbers in place of the real ones, until `restore` is called.
 */
export function createWorld(choices: Choices, seed: number): World & { restore(): void } {
  const pending: Pending[] = []
  let timers: Timer[] = []
  let time = START
  let order = 0
  let steps = 0
  let slow = true
  const lines: { readonly at: number; readonly line: string | Step }[] = []
  const kindsInOrder: number[] = []
  const random = randomOf(seed ^ 0x5bd1e995)

  const note = (line: string | Step): void => {
    lines.push({ at: time, line })
  }

  /** Written out only for a report. */
  const trace = (): string[] =>
    lines.map(({ at, line }) => {
      const text = typeof line === 'string' ? line : `${line.by} ${line.what} ${line.about ?? ''}`
      return `${((at - START) / 1000).toFixed(3).padStart(9)}  ${text.trimEnd()}`
    })

  function addTimer(run: () => void, milliseconds = 0): object {
    const timer: Timer = { due: time + Math.max(0, milliseconds), order: order++, run }
    timers.push(timer)
    return Object.assign(timer, { unref: () => timer, ref: () => timer, hasRef: () => true })
  }
  const dropTimer = (timer: unknown): void => {
    timers = timers.filter((one) => one !== timer)
  }

  function earliest(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers) {
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer
    }
    return first
  }

  function install(): void {
    const globals = globalThis as Record<string, unknown>
    globals.setTimeout = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      addTimer(() => run(...args), ms)
    globals.clearTimeout = dropTimer
    Date.now = () => time
    Math.random = random
    performance.now = () => time - START
    crypto.getRandomValues = ((array: Uint8Array) => {
      for (let index = 0; index < array.length; index++) array[index] = Math.floor(random() * 256)
      return array
    }) as typeof crypto.getRandomValues
    crypto.randomUUID = () =>
      `00000000-0000-4000-8000-${Math.floor(random() * 2 ** 48)
        .toString(16)
        .padStart(12, '0')}`
    // The real one answers from another thread, at a moment that no seed decides.
    crypto.subtle.digest = async (_algorithm, data) =>
      sha256(new Uint8Array(data as ArrayBuffer)).slice().buffer as ArrayBuffer
    AbortSignal.timeout = (milliseconds) => {
      const controller = new AbortController()
      addTimer(() => controller.abort(new DOMException('The time is up', 'TimeoutError')), milliseconds)
      return controller.signal
    }
  }

  function restore(): void {
    restoreKeys()
    restoreWeb()
    globalThis.setTimeout = real.setTimeout
    globalThis.clearTimeout = real.clearTimeout
    Date.now = real.dateNow
    Math.random = real.random
    performance.now = real.performanceNow
    crypto.getRandomValues = real.getRandomValues
    crypto.randomUUID = real.randomUUID
    crypto.subtle.digest = real.digest
    AbortSignal.timeout = real.abortTimeout
  }

  function fire(timer: Timer): void {
    dropTimer(timer)
    time = Math.max(time, timer.due)
    timer.run()
  }

  async function step(): Promise<boolean> {
    const timer = earliest()
    if (pending.length === 0) {
      if (!timer) return false
      fire(timer)
    } else if (timer && choices.chance(timer.due <= time ? 30 : slow ? 2 : 0)) {
      // Time passes although something is ready: a slow network, a slow store.
      fire(timer)
      world.onSlow()
    } else {
      const [chosen] = pending.splice(choices.pick(pending.length), 1)
      // Nothing is instantaneous.
      time += 1
      note(chosen!)
      kindsInOrder.push(kindOf(chosen!.what))
      chosen!.run()
    }
    await settle()
    return true
  }

  install()
  const restoreKeys = installKeys()
  const restoreWeb = installLightWeb()
  const world: World & { restore(): void } = {
    onSlow: () => {},
    choices,
    trace,
    note,
    now: () => time,
    calm() {
      slow = false
    },
    order: kindsInOrder,
    schedule: ({ by, what, about = '' }, run) => {
      pending.push({ by, what, about, run })
    },
    sleep: (milliseconds) => new Promise((resolve) => addTimer(resolve, milliseconds)),
    async run(done) {
      await settle()
      while (!done()) {
        if (++steps > MOST_STEPS) throw new Error('the history does not come to an end')
        if (!(await step())) break
      }
    },
    restore,
  }
  return world
}
