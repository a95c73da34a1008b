import type { ColdStart } from './cold-start.ts'
import type { Growth } from './growth.ts'
import type { Figure, Measurement } from './measure.ts'

/** Everything one run measures on one runtime. */
export interface Results {
  readonly runtime: string
  readonly inProcess: Measurement
  readonly overHttp: Measurement
  readonly growth: readonly Growth[]
  readonly coldStart: { readonly bare: ColdStart; readonly lockgate: ColdStart }
}

/** One thing that should be true, and how it is. */
export interface Target {
  readonly target: string
  readonly measured: string
  readonly holds: boolean
}

export const microsOf = (figures: readonly Figure[], path: string, subject: string): number =>
  figures.find((figure) => figure.path === path && figure.subject === subject)?.micros ?? Number.NaN

/** What a guarded request costs, and the same without a guard, in a process that does nothing else. */
export const GUARDED = 'guard, the same 1,000 grants'
export const UNGUARDED = 'no auth at all'

const PEER = 'workers-oauth-provider'

/** In-process paths that have to be so many times as fast as the peer's. */
const FASTER: readonly [path: string, factor: number][] = [
  ['guard, warm', 20],
  ['guard, cold', 3],
  ['invalid token, random', 2],
  ['invalid token, its end altered', 2],
  ['refresh', 3],
  ['sign-in', 2.5],
]

/** All are ratios within one run, or bytes: none depends on the machine's speed but the start-up. */
export function judge({ inProcess: { figures }, growth, coldStart: { bare, lockgate } }: Results): Target[] {
  const own = (path: string) => microsOf(figures, path, 'lockgate')
  const targets = FASTER.map(([path, factor]) => {
    const ratio = microsOf(figures, path, PEER) / own(path)
    return {
      target: `${path}: at least ${factor} × ${PEER}`,
      measured: `${ratio.toFixed(1)} ×`,
      holds: ratio >= factor,
    }
  })
  const started = lockgate.passed - bare.passed
  const [least, most] = [growth[0], growth.at(-1)]
  const alone = (path: string) => microsOf(least?.figures ?? [], path, 'lockgate')
  const over = alone(GUARDED) - alone(UNGUARDED)
  const slower = Math.max(
    ...(most?.figures ?? [])
      .filter(({ path }) => path !== UNGUARDED)
      .map(({ path, subject, micros }) => micros / microsOf(least?.figures ?? [], path, subject)),
  )
  const dearer = own('guard, warm, signed token') / own('guard, warm')
  return [
    ...targets,
    {
      target: 'warm guard with a signed token: at most 1.3 × the sealed one',
      measured: `${dearer.toFixed(2)} ×`,
      holds: dearer <= 1.3,
    },
    {
      target: 'warm guard, in a process of its own: at most 4 µs over no auth',
      measured: `${over.toFixed(1)} µs`,
      holds: over <= 4,
    },
    {
      target: `${most?.grants} grants: every path within 20 % of ${least?.grants}`,
      measured: `${slower.toFixed(2)} × the time`,
      holds: slower <= 1.2,
    },
    {
      target: 'a record: at most 700 bytes beside the provider’s tokens',
      measured: `${most?.recordBytes} (${most?.storedBytes} with its key and envelope)`,
      holds: (most?.recordBytes ?? Number.NaN) <= 700,
    },
    {
      target: 'beside the store, memory does not grow with the grants: at most 40 MB',
      measured: `${((most?.heapBeside ?? Number.NaN) / 1e6).toFixed(1)} MB`,
      holds: (most?.heapBeside ?? Number.NaN) <= 40e6,
    },
    {
      target: 'first answer of a fresh process: at most 100 ms later than without Lockgate',
      measured: `${started.toFixed(0)} ms`,
      holds: started <= 100,
    },
  ]
}
