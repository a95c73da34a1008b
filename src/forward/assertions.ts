import { createBoundedMap } from '../bounded-map.ts'
import { randomId } from '../crypto/random.ts'
import type { Emit } from '../events/event.ts'
import type { Admission } from '../guard/admission.ts'
import type { Resource } from '../options/options.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import type { Signer } from '../signing/signer.ts'
import { createSingleFlight } from '../single-flight.ts'
import { seconds } from '../timing.ts'
import { userClaims } from '../tokens/user-claims.ts'

/** The signed identities of the users of one MCP server. */
export interface Assertions {
  /** Returns the header for a request. Waits only if no identity of this user was signed a moment ago. */
  of(admission: Admission): string | Promise<string>
}

interface Signed {
  readonly text: string
  /** Seconds since the epoch. */
  readonly until: number
}

type User = Admission['auth']['user']

/** Identities that are kept. Each is about a kilobyte. */
const LIMIT = 10_000
/** The longest identity, in characters. Servers limit the size of their headers. */
const LONGEST = 4096

/** Returns `undefined` for a server without signed identities. */
export function createAssertions(
  { id: resource, identity: rule }: Pick<Resource, 'id' | 'identity'>,
  ports: {
    signer: Signer | undefined
    issuer: string
    now: Clock
    emit: Emit
    keepAlive?: KeepAlive | undefined
  },
): Assertions | undefined {
  const { signer, issuer, now, emit } = ports
  if (!rule || !signer) return undefined
  const { alg, audience, header } = rule
  const isBearer = header === 'authorization'
  const known = createBoundedMap<string, Signed>({ entries: LIMIT })
  const signing = createSingleFlight<string>({ keepAlive: ports.keepAlive })
  /** A number for each user as a token has it. Two tokens of one user may say different things about it. */
  const numbers = new WeakMap<User, number>()
  let last = 0

  function numberOf(user: User): number {
    const number = numbers.get(user)
    if (number !== undefined) return number
    numbers.set(user, ++last)
    return last
  }

  function claimsOf({ auth, isAnonymous }: Admission, about: object) {
    const issuedAt = now()
    return {
      iss: issuer,
      aud: audience,
      ...(!isAnonymous && { sub: auth.user.id, client_id: auth.clientId }),
      ...(auth.scopes.length > 0 && { scope: auth.scopes.join(' ') }),
      resource,
      kind: auth.user.kind,
      ...about,
      iat: issuedAt,
      exp: issuedAt + seconds.identityLife,
      jti: randomId(),
    }
  }

  async function sign(name: string, admission: Admission): Promise<string> {
    const typ = isBearer ? 'at+jwt' : 'lockgate-identity+jwt'
    const { claims, omitted } = userClaims(rule!.claims, admission.auth.user)
    const { groups: _groups, ...short } = claims
    let signed = await signer!.sign(alg, typ, claimsOf(admission, { ...claims, ...(omitted && OMITTED) }))
    const isLong = signed.length > LONGEST
    if (isLong) signed = await signer!.sign(alg, typ, claimsOf(admission, { ...short, ...OMITTED }))
    if (omitted || isLong) {
      const { auth, grant } = admission
      emit({
        type: 'claim-omitted',
        reason: 'too-many-groups',
        client: auth.clientId,
        user: auth.user.id,
        grant,
        resource,
      })
    }
    const text = isBearer ? `Bearer ${signed}` : signed
    known.set(name, { text, until: now() + seconds.identityReused })
    return text
  }

  return {
    of(admission) {
      const { auth, grant, isAnonymous } = admission
      // One identity serves every caller without a token.
      const name = isAnonymous
        ? ''
        : `${numberOf(auth.user)}\n${auth.clientId}\n${grant ?? ''}\n${auth.scopes.join(' ')}`
      const kept = known.get(name)
      // A clock that was set back must not keep an identity for long.
      if (kept && kept.until > now() && kept.until <= now() + seconds.identityReused) return kept.text
      return signing.join(name, () => sign(name, admission))
    },
  }
}

const OMITTED = { groups_omitted: true }
