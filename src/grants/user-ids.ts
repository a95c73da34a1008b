import { createKeyring, type Keyring, only } from '../crypto/keyring.ts'
import type { Emit } from '../events/event.ts'
import { type Clock, type Identity, type KeepAlive, type Store, UnreadableRecord } from '../ports.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms } from '../timing.ts'
import { providerOf } from './grant.ts'
import { userKey } from './grant-key.ts'
import type { Grants } from './grants.ts'
import { answerOf } from './store-failure.ts'

/**
 * Returns the id of a user.
 *
 * @param realm Separates users who are the same person at the provider, but must not be the same here.
 */
export type NameUser = (identity: Identity, realm?: string) => string

/**
 * The ids of users. They follow one secret, in any order of `secret`. With one secret, or with `userIdSecret`,
 * that needs no storage.
 */
export interface UserIds {
  /** A promise only until the process knows which of several secrets the ids follow. */
  naming(): NameUser | Promise<NameUser>
  /**
   * Notes in the storage which secret the ids follow.
   *
   * @returns The key id of the secret that they followed before, if it is another one now.
   */
  settle(): Promise<string | undefined>
}

const RECORD = 'user-ids'
/** Seconds: the note lasts for five years. A start of `serve` in its second half renews it. */
const LASTING = 5 * 365 * 86_400
/** Grants that are read at most, to find out which secret their ids follow. */
const SAMPLE = 100

/** @param ports.own The secret that `userIdSecret` names. */
export function createUserIds(ports: {
  keyring: Keyring
  own: string | undefined
  store: Store
  grants: Grants
  now: Clock
  emit: Emit
  keepAlive?: KeepAlive | undefined
}): UserIds {
  const { keyring, own, store, grants, now, emit } = ports
  const rings = own === undefined ? keyring.all.map(only) : [createKeyring([own])]
  const loads = createSingleFlight<NameUser>({ keepAlive: ports.keepAlive })
  const namingBy =
    (ring: Keyring): NameUser =>
    (identity, realm) =>
      userKey(ring, identity, realm)
  let ring = rings.every(({ current }) => current.id === rings[0]!.current.id) ? rings[0] : undefined
  let naming = ring && namingBy(ring)

  async function read(): Promise<{ id: string; at: number; version: string } | undefined> {
    try {
      const found = await store.get(RECORD)
      const { id, at } = (found?.value ?? {}) as { id?: unknown; at?: unknown }
      return found && typeof id === 'string' ? { id, at: Number(at), version: found.version } : undefined
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
      await store.delete(RECORD)
      return undefined
    }
  }

  const write = (id: string, version: string | undefined) =>
    store.swap(RECORD, version, { id, at: now() }, LASTING)

  /** Returns the secret that the ids in the storage follow. Without a grant it is the last one. */
  async function followed(): Promise<Keyring> {
    let left = SAMPLE
    for await (const { key, grant } of grants.list()) {
      const identity = grants.readableIdentity(key, grant)
      const realms = [undefined, providerOf(grant)]
      const found =
        identity && rings.find((one) => realms.some((realm) => userKey(one, identity, realm) === key.user))
      if (found) return found
      if (--left === 0) break
    }
    return rings[rings.length - 1]!
  }

  async function load(): Promise<NameUser> {
    const noted = await read()
    let found = rings.find(({ current }) => current.id === noted?.id)
    if (!found) {
      // A list has no deadline of its own, and a sign-in waits for this one.
      found = await answerOf(followed(), ms.storageListing)
      // Of several instances that find no note, the first one decides.
      if (!noted && !(await write(found.current.id, undefined))) {
        const id = (await read())?.id
        found = rings.find(({ current }) => current.id === id) ?? found
      }
      if (noted) emit({ type: 'failed', reason: 'user-ids-changed', detail: `key ${noted.id}` })
    }
    ring = found
    naming = namingBy(found)
    return naming
  }

  return {
    naming: () => naming ?? loads.join(RECORD, load),
    async settle() {
      naming ?? (await loads.join(RECORD, load))
      const { id } = ring!.current
      const noted = await read()
      const isOther = noted !== undefined && noted.id !== id
      if (isOther && own === undefined) return noted.id
      if (!noted || isOther || noted.at < now() - LASTING / 2) await write(id, noted?.version)
      return undefined
    },
  }
}
