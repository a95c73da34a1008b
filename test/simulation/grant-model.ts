import { createHash } from 'node:crypto'
import { digest } from '../../src/crypto/digest.ts'
import {
  type Decision,
  type Grant,
  type Issue,
  redeem,
  refresh,
  revokeAccess,
} from '../../src/grants/grant.ts'

/** Parties that hold tokens. The thief got a copy of one refresh token, and has no code verifier. */
export type Party = 'owner' | 'thief'

/** One request that an instance works on: it has read the record, and decides and writes in a later step. */
interface Work {
  readonly by: Party
  readonly does: 'redeem' | 'refresh' | 'revoke' | 'revoke-access'
  readonly generation: number
  /** The record as it was read, and its version. `undefined` before the read. */
  readonly read?: { readonly grant: Grant; readonly version: number } | 'missing'
}

/** Everything that decides what can happen next. */
export interface State {
  readonly record: Grant | undefined
  readonly version: number
  /** Index into {@link TIMES}. */
  readonly time: number
  readonly instances: readonly (Work | undefined)[]
  /** The generation of the newest refresh token that each party holds; 0 is none. */
  readonly holds: Readonly<Record<Party, number>>
  /** How many sets of tokens the code has yielded. */
  readonly sets: number
  readonly requests: number
}

/** Seconds: within a moment, within the grace period, after it, and after the next one. */
const TIMES = [0, 1, 30, 95, 200] as const
const GRACE = 60
const RULES = {
  accessTokenTtl: 3600,
  refreshTtl: 86_400,
  refreshGrace: GRACE,
  scopes: { mcp: { description: 'Use the tools', upstream: [] } },
}
const VERIFIER = 'v'.repeat(43)
const SECRET_HASH = digest('the secret of a code')

const START: Grant = {
  client: 'app',
  clientName: 'App',
  resource: 'https://proxy.test/mcp',
  scope: ['mcp'],
  refreshes: true,
  createdAt: 0,
  expiresAt: 10_000,
  origin: {
    type: 'sign-in',
    provider: 'idp',
    code: {
      hash: SECRET_HASH,
      challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      redirectUri: 'https://app.test/callback',
    },
  },
  generation: 0,
  rotatedAt: 0,
  epoch: 0,
  identity: '',
  connections: {},
}

export const initial: State = {
  record: START,
  version: 1,
  time: 0,
  instances: [undefined, undefined],
  holds: { owner: 0, thief: 0 },
  sets: 0,
  requests: 0,
}

/** A step of the model, with the rule that it broke, if any. */
export interface Step {
  readonly event: string
  readonly state: State
  readonly broken?: string
}

type Verdict = Decision<Issue | undefined> | 'refused'

const verdicts = new WeakMap<Grant, Map<string, Verdict>>()

/** Decides each case once. The same request meets the same record in many orders. */
function decideOnce(work: Work, grant: Grant, now: number): Verdict {
  const known = verdicts.get(grant) ?? new Map<string, Verdict>()
  verdicts.set(grant, known)
  const name = `${work.does} ${work.generation} ${now}`
  const verdict = known.get(name) ?? decide(work, grant, now)
  known.set(name, verdict)
  return verdict
}

function decide(work: Work, grant: Grant, now: number): Verdict {
  try {
    if (work.does === 'redeem') {
      const use = {
        client: 'app',
        secretHash: SECRET_HASH,
        verifier: VERIFIER,
        redirectUri: undefined,
        resources: [],
      }
      return redeem(grant, use, now, RULES)
    }
    if (work.does === 'refresh') {
      const use = { client: 'app', generation: work.generation, resources: [], scope: undefined }
      return refresh(grant, use, now, RULES)
    }
    return work.does === 'revoke' ? { type: 'end', reason: 'revoked-by-client' } : revokeAccess(grant, now)
  } catch {
    return 'refused'
  }
}

/** Lets an instance finish its step: reads the record first, then decides and writes. */
function advance(state: State, index: number): Step {
  const work = state.instances[index]!
  const put = (next: Work | undefined, changes: Partial<State> = {}): State => ({
    ...state,
    ...changes,
    instances: state.instances.map((one, at) => (at === index ? next : one)),
  })
  const name = `instance ${index}: ${work.does} ${work.generation} of the ${work.by}`
  if (work.read === undefined) {
    const read = state.record ? { grant: state.record, version: state.version } : ('missing' as const)
    return { event: `${name} reads`, state: put({ ...work, read }) }
  }
  if (work.read === 'missing') return { event: `${name} is refused`, state: put(undefined) }
  const decision = decideOnce(work, work.read.grant, TIMES[state.time]!)
  if (decision === 'refused') return { event: `${name} is refused`, state: put(undefined) }
  if (decision.type === 'end') {
    return { event: `${name} ends the grant`, state: put(undefined, { record: undefined }) }
  }
  if (decision.type === 'write') {
    const lost = state.record === undefined || state.version !== work.read.version
    // The compare-and-set fails: read again.
    if (lost) {
      const { read: _, ...again } = work
      return { event: `${name} loses the race`, state: put(again) }
    }
  }
  const grant = decision.type === 'write' ? decision.grant : work.read.grant
  const written = decision.type === 'write' ? { record: grant, version: state.version + 1 } : {}
  if (decision.result === undefined) return { event: `${name} is done`, state: put(undefined, written) }
  const issued = decision.result.grant.generation
  const next = put(undefined, {
    ...written,
    holds: { ...state.holds, [work.by]: Math.max(state.holds[work.by], issued) },
    sets: state.sets + (work.does === 'redeem' ? 1 : 0),
  })
  const broken =
    next.sets > 1
      ? 'a code yields one set of tokens'
      : work.does === 'refresh' && work.generation < work.read.grant.generation - 1
        ? 'a refresh token whose successor was used is refused'
        : undefined
  return { event: `${name} issues ${issued}`, state: next, ...(broken && { broken }) }
}

/** Every step that is possible from a state. */
export function stepsFrom(state: State, limits: { requests: number; generations: number }): Step[] {
  const steps: Step[] = []
  const { holds, requests, record } = state
  for (const [index, work] of state.instances.entries()) {
    if (work) {
      steps.push(advance(state, index))
      continue
    }
    if (requests >= limits.requests) continue
    const begin = (next: Work) =>
      steps.push({
        event: `instance ${index} gets ${next.does} ${next.generation} of the ${next.by}`,
        state: {
          ...state,
          requests: requests + 1,
          instances: state.instances.map((one, at) => (at === index ? next : one)),
        },
      })
    begin({ by: 'owner', does: 'redeem', generation: 0 })
    for (const by of ['owner', 'thief'] as const) {
      // The owner uses its newest token. The thief uses any that it ever held.
      const lowest = by === 'owner' ? Math.max(1, holds.owner) : 1
      for (let generation = lowest; generation <= Math.min(holds[by], limits.generations); generation++)
        begin({ by, does: 'refresh', generation })
    }
    if (holds.owner > 0) {
      begin({ by: 'owner', does: 'revoke', generation: holds.owner })
      begin({ by: 'owner', does: 'revoke-access', generation: holds.owner })
    }
  }
  if (holds.thief === 0 && holds.owner > 0) {
    steps.push({
      event: `the thief copies refresh token ${holds.owner}`,
      state: { ...state, holds: { ...holds, thief: holds.owner } },
    })
  }
  if (state.time + 1 < TIMES.length) {
    steps.push({ event: `${TIMES[state.time + 1]} s`, state: { ...state, time: state.time + 1 } })
  }
  return record === undefined && state.instances.every((one) => one === undefined) ? [] : steps
}

/** What an exhaustive search found. */
export interface Explored {
  readonly states: number
  readonly steps: number
  readonly transitions: ReadonlyMap<string, number>
  readonly broken: readonly { readonly rule: string; readonly path: readonly string[] }[]
}

const texts = new WeakMap<Grant, string>()

/** A record as text, written once for all the states that share it. */
function textOf(grant: Grant | undefined): string {
  if (!grant) return ''
  const text = texts.get(grant) ?? JSON.stringify(grant)
  texts.set(grant, text)
  return text
}

/** Two states with the same key are the same. */
function keyOf({ record, version, time, instances, holds, sets, requests }: State): string {
  const works = instances.map((work) => {
    if (!work) return 'idle'
    const { by, does, generation, read } = work
    const seen = typeof read === 'object' ? `${read.version} ${textOf(read.grant)}` : read
    return `${by} ${does} ${generation} ${seen}`
  })
  return [textOf(record), version, time, ...works, holds.owner, holds.thief, sets, requests].join('|')
}

/** Explores every order of events within the limits. */
export function explore(limits: { requests: number; generations: number }): Explored {
  const before = new Map<string, { from: string; event: string } | undefined>([[keyOf(initial), undefined]])
  let frontier: State[] = [initial]
  let steps = 0
  const transitions = new Map<string, number>()
  const broken: { rule: string; path: string[] }[] = []
  while (frontier.length > 0 && broken.length === 0) {
    const next: State[] = []
    for (const state of frontier) {
      const from = keyOf(state)
      for (const step of stepsFrom(state, limits)) {
        steps++
        const kind = step.event.replace(/^instance \d:? ?/, '').replace(/\d+/g, 'n')
        transitions.set(kind, (transitions.get(kind) ?? 0) + 1)
        const key = keyOf(step.state)
        if (step.broken) broken.push({ rule: step.broken, path: [...pathTo(before, from), step.event] })
        if (before.has(key)) continue
        before.set(key, { from, event: step.event })
        next.push(step.state)
      }
    }
    frontier = next
  }
  return { states: before.size, steps, transitions, broken }
}

function pathTo(
  before: ReadonlyMap<string, { from: string; event: string } | undefined>,
  key: string,
): string[] {
  const path: string[] = []
  for (let at = before.get(key); at; at = before.get(at.from)) path.unshift(at.event)
  return path
}
