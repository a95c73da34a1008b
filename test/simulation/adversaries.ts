import type { Stage } from './actors.ts'
import type { ModelStore } from './model-store.ts'

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
  const other = seen.find(({ session }) => session.user !== own?.user)?.session
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
