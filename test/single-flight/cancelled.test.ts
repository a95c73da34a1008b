import { AsyncLocalStorage } from 'node:async_hooks'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { scaleTiming } from '../../src/timing.ts'
import { connect, guarded, refreshParams, type StartedSystem, startSystem } from '../support/system.ts'

/** The request in whose name code runs, as Workers bind work to one. */
interface Scope {
  awaits: number
  /** The await at which its client leaves. */
  readonly leavesAt: number
  hasLeft: boolean
  /** Work that was given to the runtime and has not ended. */
  readonly kept: Set<Promise<unknown>>
}

const scopes = new AsyncLocalStorage<Scope>()

vi.mock('../../adapters/outbound/node.ts', async (original) => ({
  ...(await original<object>()),
  keepAlive(work: Promise<unknown>) {
    const scope = scopes.getStore()
    if (!scope) return
    scope.kept.add(work)
    void work.finally(() => scope.kept.delete(work))
  },
}))

/** Returns whether the runtime has dropped the request of the running code. */
const isDropped = (owned: boolean): boolean => {
  const scope = scopes.getStore()
  return scope?.hasLeft === true && !(owned && scope.kept.size > 0)
}

const never = () => new Promise<never>(() => {})

/**
 * A port that goes silent for a request whose client has left.
 *
 * @param owned Work that was given to the runtime goes on. Otherwise nothing does, as on an old runtime.
 */
const leaving =
  <Args extends unknown[], Result>(owned: boolean, work: (...args: Args) => Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    if (isDropped(owned)) return never()
    const scope = scopes.getStore()
    if (scope && ++scope.awaits === scope.leavesAt) scope.hasLeft = true
    // What was sent has its effect, whoever waits for the response.
    const result = await work(...args)
    return isDropped(owned) ? never() : result
  }

const { setTimeout: realTimeout } = globalThis
let shared: StartedSystem
let owned = true

beforeAll(async () => {
  scaleTiming(0.2)
  globalThis.setTimeout = ((work: (...args: unknown[]) => void, time?: number, ...args: unknown[]) => {
    if (!scopes.getStore()) return realTimeout(work, time, ...args)
    return realTimeout(() => isDropped(owned) || work(...args), time)
  }) as typeof setTimeout
  shared = await startSystem({ providerTtl: 62 })
})
afterAll(async () => {
  globalThis.setTimeout = realTimeout
  scaleTiming(1)
  await shared.close()
})

interface Started {
  readonly system: StartedSystem
  /** Requests to the provider that succeeded, by the end of their path. */
  readonly asked: string[]
}

/** A proxy of its own, whose ports go silent for a request whose client has left. */
function start(): Started {
  const store = memory()
  const asked: string[] = []
  const ask = async (url: string, init: RequestInit) => {
    const response = await fetch(url, init)
    if (response.ok) asked.push(new URL(url).pathname.split('/').at(-1)!)
    return response
  }
  const system = shared.another({
    storage: {
      ...store,
      get: leaving(owned, store.get),
      set: leaving(owned, store.set),
      swap: leaving(owned, store.swap),
      delete: leaving(owned, store.delete),
    },
    fetch: leaving(owned, ask),
    mcp: async (_request, auth) => new Response(await auth.upstream.accessToken()),
    revocationLag: 0,
    limits: false,
  })
  return { system, asked }
}

async function grantsOf({ proxy }: StartedSystem): Promise<{ user: string; id: string }[]> {
  const found = []
  for await (const { user, id } of proxy.grants.all()) found.push({ user, id })
  return found
}

/** Lets a client leave at one await of `work`. @returns The number of awaits that there were. */
async function leave(leavesAt: number, work: () => Promise<unknown>): Promise<number> {
  const scope: Scope = { awaits: 0, leavesAt, hasLeft: false, kept: new Set() }
  const done = scopes.run(scope, () => work().catch(() => {}))
  // A request that was dropped never ends.
  while (!scope.hasLeft && !(await Promise.race([done.then(() => true), pause(5)]))) {}
  return scope.awaits
}

const pause = (time: number) => new Promise<false>((resolve) => realTimeout(() => resolve(false), time))

/** Milliseconds in which everybody else must have an answer. */
const DEADLINE = 12_000
async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => realTimeout(() => reject(new Error('no answer')), DEADLINE))
  return Promise.race([work, late])
}

/** The number of awaits of some work, when no client leaves. */
async function awaitsOf(prepare: Prepare): Promise<number> {
  const count = await leave(Number.POSITIVE_INFINITY, await prepare(start().system))
  expect(count).toBeGreaterThan(0)
  return count
}

type Prepare = (system: StartedSystem) => Promise<() => Promise<unknown>>

const signIn: Prepare = async (system) => () => connect(system)
const refresh: Prepare = async (system) => {
  const { client, tokens } = await connect(system)
  return () => system.post('/token', refreshParams(client, tokens.refresh_token))
}
const call: Prepare = async (system) => {
  const { tokens } = await connect(system)
  return () => guarded(system, tokens.access_token)
}

describe.each([
  ['a sign-in', signIn],
  ['a refresh', refresh],
  ['a call', call],
] as const)('a client that leaves at any await of %s', (_name, prepare) => {
  test('stops nobody else, even if the runtime lets nothing go on', async () => {
    owned = false
    const count = await awaitsOf(prepare)
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { system } = start()
        const work = await prepare(system)
        await leave(index + 1, work)
        const { tokens } = await inTime(connect(system))
        const response = await inTime(guarded(system, tokens.access_token))
        expect([index + 1, response.status]).toEqual([index + 1, 200])
        // The same again, as its client repeats it: the answer may be a refusal, but there is one.
        await inTime(work().catch(() => {}))
      }),
    )
  }, 60_000)

  test('loses nothing, if the runtime lets go on what it was given', async () => {
    owned = true
    const count = await awaitsOf(prepare)
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { system } = start()
        const work = await prepare(system)
        await leave(index + 1, work)
        const again = await inTime(work())
        const status = again instanceof Response ? again.status : 200
        expect([index + 1, status]).toEqual([index + 1, 200])
      }),
    )
  }, 60_000)
})

/** Runs `check` for each await of some work at which its client may leave. */
async function atEveryAwait(prepare: Prepare, check: (started: Started) => Promise<void>): Promise<void> {
  owned = true
  const count = await awaitsOf(prepare)
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const started = start()
      await leave(index + 1, await prepare(started.system))
      await vi.waitFor(() => check(started), { timeout: 5000, interval: 20 })
    }),
  )
}

const isRevoked = async ({ system, asked }: Started) => {
  expect(await grantsOf(system)).toEqual([])
  expect(asked).toContain('revocation')
}

describe('what has begun ends, at whichever await its client leaves', () => {
  test('each code that was exchanged at the provider is a grant', async () => {
    await atEveryAwait(signIn, async ({ system, asked }) => {
      expect(await grantsOf(system)).toHaveLength(asked.filter((path) => path === 'token').length)
    })
  }, 60_000)

  test('a client’s revocation ends the grant and the tokens of the provider', async () => {
    const revoke: Prepare = async (system) => {
      const { client, tokens } = await connect(system)
      return () => system.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    }
    await atEveryAwait(revoke, isRevoked)
  }, 60_000)

  test('an operator’s revocation ends the grant and the tokens of the provider', async () => {
    const revoke: Prepare = async (system) => {
      await connect(system)
      const [key] = await grantsOf(system)
      return () => system.proxy.grants.revoke(key!)
    }
    await atEveryAwait(revoke, isRevoked)
  }, 60_000)
})
