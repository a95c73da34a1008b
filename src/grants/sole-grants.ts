import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Settings } from '../options/options.ts'
import type { Store } from '../ports.ts'
import { busy } from '../refusals.ts'
import type { Decision, Grant } from './grant.ts'
import { type GrantKey, newGrantKey } from './grant-key.ts'
import type { Grants, NewGrant } from './grants.ts'
import { isOwn } from './own.ts'

/** A grant without its key: the user alone. */
export type SoleGrant = Omit<NewGrant, 'key' | 'tokens' | 'endsAt'> & { readonly user: string }

/**
 * Grants of which a user has one for each client, purpose and identity, however often the client asks. Another identity of
 * the same user, such as one with other groups, has a grant of its own: each token tells what its own assertion said.
 */
export interface SoleGrants {
  /** Renews the grant, or makes it. Concurrent callers end with one. */
  issue(about: SoleGrant): Promise<{ key: GrantKey; grant: Grant }>
}

const ATTEMPTS = 30
/** Seconds for which a slot outlives its grant. It is written again at most that often. */
const MARGIN = 86_400

interface Slot {
  readonly id: string
  /** Seconds since the epoch. */
  readonly until: number
}

/**
 * The id of the grant is random and lies in a slot: `slot:<user>:<hash>`. A grant that ended is never made again under its
 * old id, because access tokens issued before would then be valid again.
 */
export function createSoleGrants({
  grants,
  store,
  settings,
}: {
  grants: Grants
  store: Store
  settings: Pick<Settings, 'now' | 'issuer' | 'resources'>
}): SoleGrants {
  const { now } = settings
  async function renew(key: GrantKey, about: SoleGrant): Promise<Grant | undefined> {
    // An eventually consistent store is not waited for. If it shows the grant later, the user has two.
    if (grants.consistency === 'eventual' && !(await grants.load(key))) return undefined
    const { client, scope, identity, expiresAt } = about
    const outcome = await grants
      .change(key, (found): Decision<Grant | undefined> => {
        if (!isOwn(settings, found)) return { type: 'keep', result: undefined }
        const grant = {
          ...grants.withIdentity(key, found, identity, now()),
          clientName: client.name,
          scope,
          rotatedAt: now(),
          expiresAt: Math.max(found.expiresAt, expiresAt),
        }
        return { type: 'write', grant, result: grant }
      })
      .catch(orUnreadable)
    return outcome?.type === 'done' ? outcome.result : undefined
  }

  return {
    async issue(about) {
      const { user, ...rest } = about
      const name = slotOf(about)
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await store.get(name)
        const slot = found?.value as Slot | undefined
        const put = (id: string, grant: Grant) => {
          const until = grant.expiresAt + MARGIN
          return store.swap(name, found?.version, { id, until } satisfies Slot, until - now())
        }
        const key = slot && { user, id: slot.id }
        const renewed = key && (await renew(key, about))
        if (renewed) {
          if (slot.until < renewed.expiresAt) await put(slot.id, renewed)
          return { key, grant: renewed }
        }
        const next = newGrantKey(user)
        const grant = await grants.issue({ ...rest, key: next })
        if (await put(next.id, grant)) return { key: next, grant }
        await grants.end(next)
      }
      throw busy('grant-busy')
    },
  }
}

const slotOf = ({ user, client, resource, origin, identity }: SoleGrant): string =>
  `slot:${user}:${digest(JSON.stringify([client.key, resource, origin, identity])).slice(0, 22)}`

/** A record that no secret opens is replaced. */
function orUnreadable(error: unknown): undefined {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') throw error
}
