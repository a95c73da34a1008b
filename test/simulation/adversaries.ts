import { call, redeem, refresh, revoke, type Stage, signIn } from './actors.ts'
import { type Session, Violation } from './ledger.ts'
import type { ModelStore } from './model-store.ts'
import { otherTenant } from './tenants.ts'

/** A provider that suddenly names another user for a sign-in. */
export async function renamer({ world, provider, ledger, seen, cover }: Stage): Promise<void> {
  await world.sleep(1000 * world.choices.pick(100))
  const { session } = seen[world.choices.pick(seen.length)] ?? {}
  const family = provider.families.find(({ id }) => id === session?.family)
  if (!family) return
  cover('fault: the provider names another user')
  family.named = 'another'
  ledger.disturbed.add(family.id)
}

/** Someone with access to the store, who puts the sealed parts of one user's record into that of another. */
export async function forger({ world, seen, cover }: Stage, store: ModelStore): Promise<void> {
  await world.sleep(1000 * world.choices.pick(100))
  const own = seen[world.choices.pick(seen.length)]?.session
  const isOther = ({ session: { user, tenant } }: Stage['seen'][number]) =>
    user !== own?.user || tenant !== own.tenant
  const other = seen.find(isOther)?.session
  if (!own?.grant || !other?.grant) return
  const entries = store.entries()
  const keyOf = (grant: string) => `grant:${grant.replace('.', ':')}`
  const [mine, theirs] = [entries.get(keyOf(own.grant)), entries.get(keyOf(other.grant))] as [
    object?,
    object?,
  ]
  if (!mine || !theirs || !('identity' in theirs)) return
  cover('fault: a sealed identity is put into another record')
  own.isForged = true
  store.forge(keyOf(own.grant), { ...mine, identity: theirs.identity })
}

/** The ways in which a client, or a browser, carries what one tenant gave it to the other. */
const CROSSINGS = ['token', 'refresh token', 'code', 'revocation', 'callback'] as const

/** A client of one tenant that goes to the other with all that it has. It must get nothing there, and change nothing. */
export async function stranger(stage: Stage): Promise<void> {
  const { world, seen, cover } = stage
  const { choices } = world
  for (let turn = 0; turn < 4; turn++) {
    await world.sleep([100, 1000, 20_000, 90_000][choices.pick(4)]!)
    const found = seen[choices.pick(seen.length)]
    if (!found?.session.tenant) continue
    const { session, tokens } = found
    // A copy: the owner of the session asked for nothing.
    const elsewhere = { ...session, tenant: otherTenant(session.tenant!) }
    const what = CROSSINGS[choices.pick(CROSSINGS.length)]!
    cover(`a stranger brings a ${what} to another tenant`)
    const gets = {
      token: async () => (await call(stage, elsewhere, tokens.access_token)) === 200,
      'refresh token': async () =>
        typeof (await refresh(stage, elsewhere, tokens.refresh_token, 'crossing')) === 'object',
      code: async () => (await redeem(stage, elsewhere, session.code ?? '')) !== undefined,
      // It must succeed without an effect. The owner sees whether it had one.
      revocation: async () => revoke(stage, elsewhere, tokens.refresh_token).then(() => false),
      callback: () => returnsElsewhere(stage, session),
    }
    if (await gets[what]()) throw new Violation('tenants never cross', `a ${what} of ${session.tenant}`)
  }
}

/** A sign-in whose response goes to the other tenant, there to its own callback or to that of the first one. */
async function returnsElsewhere(stage: Stage, { user, tenant }: Session): Promise<boolean> {
  const session: Session = {
    number: stage.sessions.length + 1,
    user,
    tenant,
    family: undefined,
    grant: undefined,
    revoked: false,
  }
  const other = otherTenant(tenant!)
  const moves = stage.world.choices.chance(50)
  const tokens = await signIn(stage, session, ({ url }) => ({
    tenant: other,
    url: moves ? url.replace(`/callback/${tenant}?`, `/callback/${other}?`) : url,
  }))
  return tokens !== undefined || session.grant !== undefined
}
