import type { Outcome } from './history.ts'
import { kindNames } from './world.ts'

/** The content of a number of histories: how often each thing happened, and in how many orders. */
export interface Coverage {
  histories: number
  steps: number
  /** The number of times that each fault and each outcome happened. */
  readonly covered: Map<string, number>
  /** For each kind of step, how often it happened right after each other kind. */
  readonly transitions: Map<string, Map<string, number>>
  /** A number for each order of steps. */
  readonly orders: Set<number>
}

export const emptyCoverage = (): Coverage => ({
  histories: 0,
  steps: 0,
  covered: new Map(),
  transitions: new Map(),
  orders: new Set(),
})

const add = <K>(counts: Map<K, number>, key: K, times: number) =>
  void counts.set(key, (counts.get(key) ?? 0) + times)

/** Counts one history. */
export function count(coverage: Coverage, { order, covered }: Outcome): void {
  const names = kindNames()
  coverage.histories++
  coverage.steps += order.length
  for (const [what, times] of covered) add(coverage.covered, what, times)
  let hash = 0
  let before = 'the start'
  for (const kind of order) {
    hash = (Math.imul(hash, 31) + kind + 1) | 0
    const name = names[kind]!
    const counts = coverage.transitions.get(name) ?? new Map<string, number>()
    coverage.transitions.set(name, counts)
    add(counts, before, 1)
    before = name
  }
  coverage.orders.add(hash)
}

/** A coverage as plain data, to send it to another process. */
export interface Packed {
  readonly histories: number
  readonly steps: number
  readonly covered: readonly (readonly [string, number])[]
  readonly transitions: readonly (readonly [string, readonly (readonly [string, number])[]])[]
  readonly orders: readonly number[]
}

export const pack = ({ histories, steps, covered, transitions, orders }: Coverage): Packed => ({
  histories,
  steps,
  covered: [...covered],
  transitions: [...transitions].map(([name, counts]) => [name, [...counts]] as const),
  orders: [...orders],
})

export function merge(coverage: Coverage, part: Packed): void {
  coverage.histories += part.histories
  coverage.steps += part.steps
  for (const [what, times] of part.covered) add(coverage.covered, what, times)
  for (const [name, counts] of part.transitions) {
    const known = coverage.transitions.get(name) ?? new Map<string, number>()
    coverage.transitions.set(name, known)
    for (const [before, times] of counts) add(known, before, times)
  }
  for (const order of part.orders) coverage.orders.add(order)
}

/** Writes a coverage as a table: outcomes and faults, then the steps and after how many other kinds each came. */
export function describe({ covered, transitions }: Coverage): string {
  const byName = <T>([a]: readonly [string, T], [b]: readonly [string, T]) => a.localeCompare(b)
  const outcomes = [...covered].sort(byName).map(([what, times]) => `${String(times).padStart(10)}  ${what}`)
  const steps = [...transitions].sort(byName).map(([name, counts]) => {
    const times = [...counts.values()].reduce((sum, one) => sum + one, 0)
    return `${String(times).padStart(10)}  ${name.padEnd(44)} after ${counts.size} kinds of steps`
  })
  return [...outcomes, '', ...steps].join('\n')
}
