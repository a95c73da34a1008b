import { ms } from '../../src/timing.ts'
import { call, GaveUp, refresh, revoke, type Stage, signIn } from './actors.ts'
import { forger, renamer, stranger } from './adversaries.ts'
import { type Choices, replayedChoices, seededChoices } from './choices.ts'
import { createCluster } from './cluster.ts'
import { company, createTally } from './company.ts'
import { CALM, type Faults, ROUGH } from './faults.ts'
import { createLedger, type Session, type TokenResponse, Violation } from './ledger.ts'
import { createModelProvider, type Holder, PROVIDER_TTL } from './model-provider.ts'
import { type Consistency, createModelStore } from './model-store.ts'
import { hasTenants, TENANTS, tenantOf } from './tenants.ts'
import { createWorld } from './world.ts'

/** The outcome of one history. */
export interface Outcome {
  readonly seed: number
  readonly violation: Error | undefined
  /** Every decision, so that it can be repeated and made shorter. */
  readonly decisions: readonly number[]
  /** One line for each step. It is made when it is asked for. */
  trace(): readonly string[]
  /** How often each fault and each outcome happened. */
  readonly covered: ReadonlyMap<string, number>
  /** The kinds of the steps in their order, see `kindNames`. */
  readonly order: readonly number[]
}

const CONSISTENCIES = ['atomic', 'atomic', 'atomic', 'process', 'eventual'] as const
/** Seconds by which the clocks of instances differ at most, by kind of history. */
const SKEWS = [0, 0, 5, 30] as const
const JUMPS = [-20, 20, -3600, 3600] as const
const FORMATS = ['current', 'older', 'newer'] as const
/** Seconds after which the provider is asked about a user again. */
const REVALIDATE = 60

/** The settings that are not drawn from the seed. */
export interface Fixed {
  readonly store?: Consistency | undefined
  /** The number of instances. */
  readonly instances?: number | undefined
}

/** Runs the history of a seed, or of given decisions. */
export async function runHistory(
  seed: number,
  { decisions, ...fixed }: Fixed & { decisions?: readonly number[] | undefined } = {},
): Promise<Outcome> {
  const choices: Choices = decisions ? replayedChoices(decisions) : seededChoices(seed)
  const covered = new Map<string, number>()
  const cover = (what: string) => covered.set(what, (covered.get(what) ?? 0) + 1)
  const world = createWorld(choices, seed)
  let violation: Error | undefined
  try {
    await play(world, cover, { ...fixed, tenants: hasTenants(seed) })
  } catch (error) {
    violation = error as Error
  } finally {
    world.restore()
  }
  return {
    seed,
    violation,
    decisions: choices.taken,
    trace: world.trace,
    covered,
    order: world.order,
  }
}

async function play(
  world: ReturnType<typeof createWorld>,
  cover: (what: string) => void,
  fixed: Fixed & { readonly tenants: boolean },
): Promise<void> {
  const { choices } = world
  const { tenants } = fixed
  const drawn = CONSISTENCIES[choices.pick(CONSISTENCIES.length)]!
  const consistency = fixed.store ?? drawn
  const drawnSize = consistency === 'process' ? 1 : 2 + choices.pick(4)
  const size = fixed.instances ?? drawnSize
  const skew = SKEWS[choices.pick(SKEWS.length)]!
  const revalidate = choices.chance(40) ? REVALIDATE : undefined
  // The older builds knew no tenants.
  const mixes = choices.chance(30) && !tenants
  let faults: Faults = choices.chance(75) ? ROUGH : CALM
  const broken: Error[] = []
  const fail = (error: unknown) => {
    if (error instanceof GaveUp) cover('an actor gave up')
    else broken.push(error as Error)
  }

  const onFault = (kind: string, by?: string) => {
    cover(`fault: ${kind}`)
    for (const family of provider.families) {
      if (by === undefined || family.holder?.name !== by) continue
      // Tokens that only a dead instance held are lost. A failure of the store is survived, unless too many follow.
      if (hasFailed(family.holder, world.now()) || kind === 'crash') ledger.disturbed.add(family.id)
    }
  }
  // Whatever the store was doing has timed out for an instance that holds tokens.
  world.onSlow = () => {
    for (const { holder, id } of provider.families)
      if (holder && hasFailed(holder, world.now())) ledger.disturbed.add(id)
  }
  const tally = createTally()
  const sessions: Session[] = []
  const provider = createModelProvider(world, {
    faults: () => faults,
    onFault,
    onLost: (family) => ledger.disturbed.add(family.id),
    onForeign: fail,
    onOverlap: (family, names) => {
      // A lease is judged by clocks. Instances whose clocks differ by more than it lasts may overlap.
      if (consistency === 'atomic' && cluster.spread <= 10 && !ledger.disturbed.has(family.id))
        fail(new Violation('the provider is asked by one instance at a time', names.join(' and ')))
      ledger.disturbed.add(family.id)
    },
  })
  const ledger = createLedger(world, {
    consistency,
    spread: () => cluster.spread,
    exchanges: () => provider.exchanges,
  })
  const store = createModelStore(world, {
    consistency,
    faults: () => faults,
    onFault,
    onWrite: (key, before, after, by) => {
      for (const family of provider.families) {
        const { grant } = sessions.find((one) => one.family === family.id) ?? {}
        // Before the code is redeemed, the record of a sign-in is not known by name.
        const isOwn = grant === undefined || key === `grant:${grant.replace('.', ':')}`
        if (family.holder?.name === by && isOwn) family.holder = undefined
      }
      try {
        ledger.wrote(key, before, after)
      } catch (error) {
        fail(error)
      }
    },
  })
  const cluster = createCluster(world, {
    size,
    skew: () => choices.pick(skew + 1),
    store,
    provider,
    faults: () => faults,
    revalidate,
    tenants,
    format: () => (mixes ? FORMATS[choices.pick(FORMATS.length)]! : 'current'),
    onFault,
    onEvent: (event) => {
      try {
        tally(event)
      } catch (error) {
        fail(error)
      }
      cover(`event: ${event.type}${event.reason === undefined ? '' : ` ${event.reason}`}`)
    },
    onDelivery: (request, body) => ledger.delivered(new URLSearchParams(body), tenantOf(request)),
  })
  const stage: Stage = { world, cluster, provider, ledger, sessions, seen: [], cover }
  cover(`store: ${consistency}`)
  cover(`instances: ${size}`)
  if (tenants) cover('tenants')
  if (mixes) cover('builds with other record formats side by side')
  if (revalidate !== undefined) cover('the provider is asked about users again')

  const holders: { session: Session; tokens: TokenResponse }[] = []
  const actors = [
    ...ownersOf(tenants, 1 + choices.pick(2)).map((who) => owner(stage, who, holders)),
    ...(tenants ? [stranger(stage)] : []),
    ...(choices.chance(50) ? [thief(stage)] : []),
    ...(choices.chance(50) ? [operator(stage, size)] : []),
    ...(choices.chance(15) ? [renamer(stage)] : []),
    ...(consistency !== 'eventual' && choices.chance(15) ? [forger(stage, store)] : []),
    ...(consistency !== 'eventual' && !tenants && choices.chance(50) ? [company(stage)] : []),
  ].map((actor) => actor.catch(fail))
  await finish(world, actors, broken)

  // Everything heals. Then every sign-in that nothing ended must still work.
  faults = CALM
  world.calm()
  provider.outages.until = 0
  await finish(world, [world.sleep((PROVIDER_TTL + 60) * 1000)], broken)
  await finish(world, [checkSurvivors(stage, holders).catch(fail)], broken)
  await finish(world, [checkRecords(stage, store.entries()).catch(fail)], broken)
  if (cluster.stage.every((step) => step === ROTATED)) {
    // By now every grant in use is sealed with the new secret, so the old one can go.
    cover('the old secret is dropped')
    for (let slot = 0; slot < size; slot++) cluster.restart(slot, ROTATED + 1)
    await finish(world, [checkSurvivors(stage, holders).catch(fail)], broken)
  }
}

/** Failures of the store in a row after which the provider's new tokens are saved all the same. */
const CHANCES = ms.savePauses.length

/** The time after which a further failure is not survived for sure, in milliseconds. */
const IN_TIME = ms.saveWithin - 1.5 * Math.max(...ms.savePauses)

/** Counts a failure of the store while an instance holds new tokens. Returns `true` if they may be lost by now. */
const hasFailed = (holder: Holder, now: number): boolean =>
  ++holder.failures > CHANCES || now - holder.since > IN_TIME

/** The step of a rotation after which every instance seals with the new secret. */
const ROTATED = 2

async function finish(
  world: ReturnType<typeof createWorld>,
  actors: readonly Promise<unknown>[],
  broken: readonly Error[],
): Promise<void> {
  let done = false
  void Promise.all(actors).then(() => {
    done = true
  })
  await world.run(() => done || broken.length > 0)
  if (broken[0]) throw broken[0]
  if (!done) throw new Violation('every request ends', 'an actor waits although nothing can happen any more')
}

/** A user, at a tenant if there are tenants. */
type Person = Pick<Session, 'user' | 'tenant'>

/** The users of a history. With tenants, it is the same person at each. */
const ownersOf = (tenants: boolean, count: number): Person[] =>
  tenants
    ? TENANTS.map((tenant) => ({ user: 'u0', tenant }))
    : Array.from({ length: count }, (_, index) => ({ user: `u${index}`, tenant: undefined }))

/** A user and their client: signs in, calls, refreshes, and sometimes ends it. */
async function owner(
  stage: Stage,
  person: Person,
  holders: { session: Session; tokens: TokenResponse }[],
): Promise<void> {
  const { world, sessions, seen } = stage
  for (let attempt = 0; attempt < 3; attempt++) {
    const session: Session = {
      ...person,
      number: sessions.length + 1,
      family: undefined,
      grant: undefined,
      revoked: false,
    }
    sessions.push(session)
    const tokens = await signIn(stage, session)
    if (!tokens) continue
    seen.push({ session, tokens })
    const processes = world.choices.chance(25) ? 2 : 1
    const results = await Promise.all(
      Array.from({ length: processes }, () => useTokens(stage, session, tokens)),
    )
    const last = results.find((one) => one !== undefined)
    if (processes === 1 && last) holders.push({ session, tokens: last })
    if (last) return
  }
}

/** One process of a client. @returns Its newest tokens, or `undefined` once they were refused. */
async function useTokens(
  stage: Stage,
  session: Session,
  first: TokenResponse,
): Promise<TokenResponse | undefined> {
  const { world, ledger, seen } = stage
  const { choices } = world
  let tokens = first
  for (let actions = 4 + choices.pick(5); actions > 0; actions--) {
    const action = choices.pick(8)
    if (action <= 2) {
      const status = await call(stage, session, tokens.access_token)
      const age = world.now() - ledger.requestedAt(tokens.access_token)
      const expired = age > (tokens.expires_in - stage.cluster.spread - 10) * 1000
      if (status === 401 && !expired) ledger.refused(session, 'an access token', tokens.access_token)
    } else if (action <= 5) {
      const both = choices.chance(15) ? 2 : 1
      const results = await Promise.all(
        Array.from({ length: both }, () => refresh(stage, session, tokens.refresh_token, 'refresh')),
      )
      if (results.includes('refused')) ledger.refused(session, 'a refresh token')
      const next = results.find((one): one is TokenResponse => typeof one === 'object')
      if (next) {
        tokens = next
        seen.push({ session, tokens })
      } else if (results.includes('refused')) return undefined
    } else if (action === 6) {
      await world.sleep([500, 3000, 70_000, (PROVIDER_TTL - 30) * 1000][choices.pick(4)]!)
    } else if (choices.chance(30)) {
      await revoke(stage, session, choices.chance(50) ? tokens.refresh_token : tokens.access_token)
    }
  }
  return tokens
}

/** Reads one token response at some moment, and uses its refresh token later. */
async function thief(stage: Stage): Promise<void> {
  const { world, seen, cover } = stage
  await world.sleep(1000 * (1 + world.choices.pick(200)))
  const stolen = seen[world.choices.pick(seen.length)]
  if (!stolen) return
  cover('a thief tries')
  let token = stolen.tokens.refresh_token
  for (let turn = 0; turn < 3; turn++) {
    await world.sleep([100, 20_000, 80_000][world.choices.pick(3)]!)
    const result = await refresh(stage, stolen.session, token, 'theft')
    if (typeof result === 'object') {
      token = result.refresh_token
      await call(stage, stolen.session, result.access_token)
    } else if (result === 'refused') return
  }
}

/** Rotates the secrets by the documented steps, restarts, sets clocks, and ends a grant. */
async function operator(stage: Stage, size: number): Promise<void> {
  const { world, cluster, sessions, cover } = stage
  const { choices } = world
  const rotates = choices.chance(50)
  if (rotates) {
    cover('rotation of secrets')
    for (const step of [1, 2]) {
      for (let slot = 0; slot < size; slot++) {
        await world.sleep(500 + choices.pick(20_000))
        cluster.restart(slot, step)
      }
      await world.sleep(5000)
    }
  }
  if (choices.chance(30)) {
    cover('a clock jumps')
    cluster.jump(choices.pick(size), JUMPS[choices.pick(JUMPS.length)]!)
  }
  if (!choices.chance(40)) return
  await world.sleep(1000 * choices.pick(120))
  const session = sessions[choices.pick(sessions.length)]
  const [user, id] = session?.grant?.split('.') ?? []
  if (!session || user === undefined || id === undefined) return
  session.revoked = true
  cover('revocation by the operator')
  const instance = cluster.slots[choices.pick(size)]!
  await Promise.race([
    instance.proxy.grants.revoke({ user, id }, { wait: 1 }).catch(() => false),
    world.sleep(30_000),
  ])
}

async function checkSurvivors(
  stage: Stage,
  holders: { session: Session; tokens: TokenResponse }[],
): Promise<void> {
  for (const { session, tokens } of holders.splice(0)) {
    let result = await refresh(stage, session, tokens.refresh_token, 'last refresh')
    for (let again = 0; result === 'unknown' && again < 6; again++) {
      await stage.world.sleep(10_000)
      result = await refresh(stage, session, tokens.refresh_token, 'last refresh')
    }
    if (result === 'unknown') {
      throw new Violation('everything works again once faults are over', `session ${session.number}`)
    }
    if (result === 'refused') stage.ledger.refused(session, 'the last refresh token')
    else {
      holders.push({ session, tokens: result })
      await call(stage, session, result.access_token)
    }
  }
}

/** No lease outlives its holder, and every record can be read. */
async function checkRecords(stage: Stage, entries: ReadonlyMap<string, unknown>): Promise<void> {
  const { world, cluster } = stage
  const horizon = world.now() / 1000 + cluster.spread + 2
  for (const [key, value] of entries) {
    for (const [, until] of JSON.stringify(value).matchAll(/"leasedUntil":(\d+)/g)) {
      if (Number(until) > horizon) throw new Violation('no lease is held at the end', key)
    }
  }
  const instance = cluster.slots[0]!
  for await (const { account, user, id } of instance.proxy.grants.all()) {
    if (!account && !stage.sessions.some((one) => one.isForged && one.grant === `${user}.${id}`))
      throw new Violation('every record can be read at the end', `${user}.${id}`)
  }
}
