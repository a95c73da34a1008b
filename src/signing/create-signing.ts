import type { Sealer } from '../crypto/seal.ts'
import type { Signature } from '../crypto/signing-key.ts'
import type { Emit } from '../events/event.ts'
import type { Settings } from '../options/options.ts'
import type { KeepAlive, Store } from '../ports.ts'
import { seconds } from '../timing.ts'
import { configuredKeys } from './key-source.ts'
import { createSigner, type Signer } from './signer.ts'
import { storedKeys } from './stored-keys.ts'

/** Returns the algorithms that the tokens of some server are signed with. */
const algorithmsOf = ({ resources }: Pick<Settings, 'resources'>): readonly Signature[] => [
  ...new Set(resources.flatMap(({ signed, identity }) => [signed?.alg ?? [], identity?.alg ?? []].flat())),
]

/** Returns the signer of a proxy, or `undefined` if nothing is signed. */
export function createSigning(
  settings: Settings,
  ports: { store: Store; sealer: Sealer; emit: Emit; keepAlive?: KeepAlive | undefined },
): Signer | undefined {
  const algorithms = algorithmsOf(settings)
  if (algorithms.length === 0) return undefined
  const { signing, resources, now, uptime, issuer } = settings
  const tokenLife = Math.max(seconds.identityLife, ...resources.map(({ signed }) => signed?.ttl ?? 0))
  const rules = { every: signing.every, tokenLife }
  const keys = signing.given
    ? configuredKeys(signing.given)
    : storedKeys({ ...ports, algorithms, rules, now, uptime })
  return createSigner(keys, issuer)
}
