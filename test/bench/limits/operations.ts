import { type CountingStore, counting } from '../../support/counting-store.ts'
import { builtModules, lockgate } from '../subjects/lockgate.ts'
import { expectStatus, type Send } from '../subjects/subject.ts'

/** Reads and writes of the store that one thing a user does needs. */
export interface StoreCost {
  readonly what: string
  readonly reads: number
  readonly writes: number
}

/** Counts what the store is asked for by a sign-in, calls and refreshes of one user, on an atomic store. */
export async function countStoreOperations(): Promise<StoreCost[]> {
  const origin = 'https://mcp.example.com'
  const modules = await builtModules()
  const store: CountingStore = counting(modules.memory())
  let now = Math.floor(Date.now() / 1000)
  const subject = await lockgate(
    origin,
    modules,
    { ...proxyOf(store), consistency: 'atomic' },
    { now: () => now },
  )
  const costs: StoreCost[] = []
  async function count(what: string, work: () => Promise<unknown>): Promise<void> {
    store.reset()
    await work()
    costs.push({ what, reads: store.reads, writes: store.writes })
  }
  const send: Send = subject.fetch
  const clientId = await subject.register!(send)
  let session = await subject.signIn!(send, clientId)
  await count('a whole sign-in, with the exchange of its code', async () => {
    session = await subject.signIn!(send, clientId)
  })
  const call = async () => {
    const headers = { authorization: `Bearer ${session.accessToken}` }
    await expectStatus(await send(new Request(subject.resource, { method: 'POST', headers })), 200)
  }
  await call()
  await count('a call right after another one', call)
  subject.restart!()
  await count('the first call at an instance, or after `revocationLag`', call)
  await count('a refresh, with a provider token that is fresh', async () => {
    session = await subject.refresh!(send, session)
  })
  // The tokens of the provider live for ten hours.
  now += 36_000
  await count('a refresh, with a provider token that has expired', async () => {
    session = await subject.refresh!(send, session)
  })
  await count('a request with an unknown token', async () => {
    const headers = { authorization: 'Bearer unknown' }
    await expectStatus(await send(new Request(subject.resource, { method: 'POST', headers })), 401)
  })
  return costs
}

/** The store without its getters, which a copy would freeze. */
const proxyOf = (store: CountingStore) => ({
  get: store.get.bind(store),
  set: store.set.bind(store),
  swap: store.swap.bind(store),
  delete: store.delete.bind(store),
  keys: store.keys.bind(store),
})
