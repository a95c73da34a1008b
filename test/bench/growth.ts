/**
 * Fills a store in memory with grants and measures the guard and a refresh over all of them, at each size, and what
 * the process holds beside its store. `run.ts` starts it.
 *
 *   node --expose-gc --max-old-space-size=12000 --import tsx test/bench/growth.ts <rounds> <sizes, by comma>
 */
import type { Store } from 'lockgate'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import type { Grant } from '../../src/grants/grant.ts'
import { type GrantKey, newGrantKey, parseGrantKey, recordKey } from '../../src/grants/grant-key.ts'
import { createGrants } from '../../src/grants/grants.ts'
import { createAccessTokens } from '../../src/tokens/access-token.ts'
import { refreshToken } from '../../src/tokens/refresh-token.ts'
import { type Figure, measure, type Operation } from './measure.ts'
import { builtModules, lockgate, SECRET } from './subjects/lockgate.ts'
import { answer, expectStatus } from './subjects/subject.ts'
import { GUARDED, UNGUARDED } from './targets.ts'

const rounds = Number(process.argv[2])
const sizes = process.argv[3]!.split(',').map(Number)
const origin = 'https://mcp.example.com'

export interface Growth {
  readonly grants: number
  readonly figures: readonly Figure[]
  readonly noisy: number
  /** Heap bytes of the store's own, per grant. */
  readonly heapPerGrant: number
  /** Bytes of a record as JSON, without the provider's tokens. */
  readonly recordBytes: number
  /** The same with its key and what the store puts around it. */
  readonly storedBytes: number
  /** Heap bytes that the proxy holds once every grant has been through the guard. */
  readonly heapBeside: number
}

const modules = await builtModules()
const storage: Store = modules.memory()
const keyring = createKeyring([SECRET])
const sealer = createSealer(keyring, origin)
const now = () => Math.floor(Date.now() / 1000)
const grants = createGrants({
  store: storage,
  sealer,
  now,
  uptime: now,
  revocationLag: 5,
  issuer: origin,
  emit: () => {},
})
const tokens = createAccessTokens(sealer, origin)
// What is known stays known for all of a round, however long that takes: it is either warm or cold.
const subject = await lockgate(origin, modules, storage, { revocationLag: 300 })

// One real sign-in is the pattern of all the others.
const clientId = await subject.register!(subject.fetch)
const session = await subject.signIn!(subject.fetch, clientId)
const [user = '', id = ''] = session.refreshToken.split('.')
const first: GrantKey = { user, id }
const pattern = (await grants.load(first)) as Grant
const identity = grants.identityOf(first, pattern)
const provider = grants.tokensOf(first, pattern)

// Names as bytes in one array: what this script needs must not count as what the proxy holds.
const LENGTH = 45
const most = Math.max(...sizes)
const names = Buffer.alloc(most * LENGTH)
const keyAt = (index: number): GrantKey =>
  parseGrantKey(names.toString('latin1', index * LENGTH, (index + 1) * LENGTH))!

async function add(index: number): Promise<void> {
  const key = newGrantKey(newGrantKey('').id)
  names.write(`${key.user}.${key.id}`, index * LENGTH, 'latin1')
  const { client, clientName: name, refreshes, origin, resource, scope, expiresAt } = pattern
  await grants.issue({
    key,
    origin,
    client: { key: client, name, refreshes },
    resource,
    scope,
    identity: { ...identity, subject: `user-${index}` },
    tokens: provider,
    expiresAt,
  })
}

const heap = (): number => {
  globalThis.gc!()
  return process.memoryUsage().heapUsed
}

function accessToken(index: number): string {
  const { client, epoch, resource, scope } = pattern
  const times = { issuedAt: now(), expiresAt: now() + 3600 }
  return tokens.issue({ key: keyAt(index), epoch, client, resource, scope, ...times })
}

async function ask(send: (request: Request) => Response | Promise<Response>, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  await expectStatus(await send(new Request(subject.resource, { method: 'POST', headers })), 200)
}

const guard = (token: string): Promise<void> => ask(subject.fetch, token)

/** Which refresh token of a grant comes next, where it is not the first. */
const generations = new Map<number, number>()
const results: Growth[] = []
let filled = 0
for (const size of sizes) {
  const before = heap()
  const start = filled
  for (; filled < size; filled++) await add(filled)
  const heapPerGrant = (heap() - before) / (size - start)
  const anyOf = () => Math.floor(Math.random() * size)
  /** So many of them, none twice: of a few, too, each is then seen for the first time. */
  const anyOfAll = (count: number): number[] => {
    const chosen = new Set<number>()
    while (chosen.size < count) chosen.add(anyOf())
    return [...chosen]
  }
  const operation = (path: string, times: number, prepare: Operation['prepare']): Operation => ({
    path,
    subject: 'lockgate',
    times,
    prepare,
  })
  const measured = await measure(
    [
      operation(UNGUARDED, 2000, async () => {
        const held = Array.from({ length: 1000 }, (_, index) => accessToken(index % size))
        return (index) => ask(answer, held[index % held.length]!)
      }),
      operation(GUARDED, 2000, async () => {
        const held = Array.from({ length: 1000 }, (_, index) => accessToken(index % size))
        for (const token of held) await guard(token)
        return (index) => guard(held[index % held.length]!)
      }),
      operation('guard, any grant for the first time', 500, async () => {
        const held = anyOfAll(501).map(accessToken)
        subject.restart!()
        // Keys are derived once in the life of a process.
        await guard(held[500]!)
        return (index) => guard(held[index]!)
      }),
      operation('refresh of any grant', 200, async () => async () => {
        const index = anyOf()
        const generation = generations.get(index) ?? 1
        generations.set(index, generation + 1)
        await subject.refresh!(subject.fetch, {
          clientId,
          accessToken: '',
          refreshToken: refreshToken(keyring, keyAt(index), generation),
        })
      }),
    ],
    rounds,
  )
  subject.restart!()
  const empty = heap()
  const all = Math.min(size, 30_000)
  for (let index = 0; index < all; index++) await guard(accessToken(index))
  const record = JSON.stringify((await storage.get(recordKey(keyAt(0))))!.value)
  const envelope = JSON.stringify({ version: crypto.randomUUID(), expiresAt: Date.now(), value: 0 }).length
  const sealedTokens = (JSON.parse(record) as { upstream: string }).upstream.length
  results.push({
    grants: size,
    figures: measured.figures,
    noisy: measured.noisy,
    heapPerGrant,
    recordBytes: record.length - sealedTokens,
    storedBytes: record.length - sealedTokens + envelope + recordKey(keyAt(0)).length,
    heapBeside: heap() - empty,
  })
}
process.stdout.write(JSON.stringify(results))
