import { createProxy } from 'lockgate'
import { oauth2 } from 'lockgate/providers/oauth2'
import { memory } from 'lockgate/storage/memory'
import { beforeAll, describe, expect, test } from 'vitest'
import { counting } from '../support/counting-store.ts'
import budget from './budget.json' with { type: 'json' }
import { budgetOf, PROGRAMS, weigh } from './bundle.ts'
import { altered } from './operations.ts'
import { lockgate } from './subjects/lockgate.ts'
import { answer, expectStatus, type Session, type Subject } from './subjects/subject.ts'

/** Calls of WebCrypto, of which each is a hop to a thread pool on Node. Drawing random numbers is none. */
let hops = 0
const { subtle } = crypto
for (const name of Object.getOwnPropertyNames(SubtleCrypto.prototype) as (keyof SubtleCrypto)[]) {
  if (name === ('constructor' as never)) continue
  const original = subtle[name] as (...args: unknown[]) => unknown
  Object.defineProperty(subtle, name, {
    value: (...args: unknown[]) => {
      hops++
      return original.apply(subtle, args)
    },
  })
}

describe('a path costs what it may', () => {
  const store = counting(memory())
  let subject: Subject
  let clientId: string
  let session: Session

  beforeAll(async () => {
    subject = await lockgate('https://mcp.example.com', { createProxy, oauth2, memory }, store)
    clientId = await subject.register!(subject.fetch)
    session = await subject.signIn!(subject.fetch, clientId)
  })

  const guarded = async (token: string | undefined, status: number) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    await expectStatus(
      await subject.fetch(new Request(subject.resource, { method: 'POST', headers })),
      status,
    )
  }
  const paths: Record<keyof typeof budget.calls, () => Promise<unknown>> = {
    registration: () => subject.register!(subject.fetch),
    'sign-in': () => subject.signIn!(subject.fetch, clientId),
    refresh: () => subject.refresh!(subject.fetch, session),
    'guard, cold': () => guarded(session.accessToken, 200),
    'guard, warm': () => guarded(session.accessToken, 200),
    'invalid token': () => guarded(altered(session.accessToken), 401),
    'no token': () => guarded(undefined, 401),
  }

  test.each(Object.keys(paths) as (keyof typeof paths)[])('%s', async (path) => {
    if (path === 'guard, cold') subject.restart!()
    store.reset()
    hops = 0
    await paths[path]()
    expect({ reads: store.reads, writes: store.writes, crypto: hops }).toEqual(budget.calls[path])
  })

  test('a record, beside the provider’s tokens', async () => {
    for await (const key of store.keys('grant:')) {
      const { value } = (await store.get(key))!
      const { upstream } = value as { upstream: string }
      expect(JSON.stringify(value).length - upstream.length).toBeLessThanOrEqual(budget.recordBytes)
    }
  })
})

describe('a path of a server with signed tokens costs what it may', () => {
  const store = counting(memory())
  let subject: Subject
  let session: Session

  beforeAll(async () => {
    const mcp = { handler: answer, accessToken: { format: 'jwt' as const } }
    subject = await lockgate('https://mcp.example.com', { createProxy, oauth2, memory }, store, { mcp })
    session = await subject.signIn!(subject.fetch, await subject.register!(subject.fetch))
  })

  const call = async (token: string, status: number) => {
    const headers = { authorization: `Bearer ${token}` }
    await expectStatus(
      await subject.fetch(new Request(subject.resource, { method: 'POST', headers })),
      status,
    )
  }

  test('one signature is verified at the first sight of a token, and none after that', async () => {
    subject.restart!()
    // The keys are read once in the life of a process.
    await call(altered(session.accessToken), 401)
    store.reset()
    hops = 0
    await call(session.accessToken, 200)
    expect({ reads: store.reads, writes: store.writes, crypto: hops }).toEqual({
      reads: 1,
      writes: 0,
      crypto: 1,
    })
    store.reset()
    hops = 0
    await call(session.accessToken, 200)
    expect({ reads: store.reads, writes: store.writes, crypto: hops }).toEqual({
      reads: 0,
      writes: 0,
      crypto: 0,
    })
  })
})

describe('a bundle weighs what it may', () => {
  const bytes: Readonly<Record<string, number>> = budget.bytes
  test.each(Object.keys(PROGRAMS))('%s', async (program) => {
    const help = 'see what made it grow; where that is worth it, npx tsx test/bench/write-budget.ts'
    expect(await weigh(program), help).toBeLessThanOrEqual(bytes[budgetOf(program)] ?? 0)
  })
})
