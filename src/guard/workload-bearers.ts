import type { Assertions } from '../assertions/assertions.ts'
import { readToken, type Verified } from '../assertions/verifier.ts'
import { createBoundedMap } from '../bounded-map.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { WORKLOAD_PREFIX } from '../grants/owner.ts'
import type { NameUser, UserIds } from '../grants/user-ids.ts'
import { namedResources } from '../options/named-resources.ts'
import type { Resource, Settings, WorkloadRule } from '../options/options.ts'
import { covers, limitScope } from '../protocol/scope.ts'
import { invalidToken } from '../refusals.ts'
import { seconds } from '../timing.ts'
import type { Admission } from './admission.ts'
import { admissionSize, MAX_ADMISSION_BYTES } from './admission-size.ts'

/** Tokens of workloads that come as bearer tokens, without an exchange before. */
export interface WorkloadBearers {
  /** Returns the owner of a token, or `undefined` if no trusted issuer is named in it. */
  open(token: string, resource: Resource): Promise<Admission> | Admission | undefined
}

const LIMIT = 10_000

const noAccess = (reason: 'workload-without-rule' | 'token-lacks-scope', detail: string) =>
  new OAuthError('access_denied', 'The workload may not use this server', { reason, detail })

const noUpstream = async (): Promise<string> => {
  throw new OAuthError('access_denied', 'A workload has no sign-in at the identity provider', {
    reason: 'no-provider-token',
    detail: 'a workload',
  })
}

/**
 * Accepts tokens of workloads at an MCP server. Their audience is the URL of that server, so that no such token also works
 * at the token endpoint. A verified token is not verified again for a minute.
 *
 * @returns `undefined` if no issuer is trusted for that.
 */
export function createWorkloadBearers(
  assertions: Assertions | undefined,
  { settings, userIds, emit }: { settings: Settings; userIds: UserIds; emit: Emit },
): WorkloadBearers | undefined {
  const { now, scopes: table, resources, trustedIssuers } = settings
  if (!assertions || !trustedIssuers.some(({ use }) => use.includes('bearer'))) return undefined
  const known = createBoundedMap<string, { readonly admission: Admission; readonly until: number }>({
    entries: LIMIT,
    bytes: { limit: MAX_ADMISSION_BYTES, of: (_id, { admission }) => admissionSize(admission) },
  })

  function ruleFor(verified: Verified, resource: Resource): WorkloadRule {
    const reach = namedResources(verified.issuer.resources, resources)
    const rule = assertions!
      .rulesFor(verified)
      .find((one) => namedResources(one.resources, reach).includes(resource))
    if (rule) return rule
    throw verified.refuse('workload-without-rule', `none is for ${resource.id}`)
  }

  function admissionOf(token: string, verified: Verified, resource: Resource, nameUser: NameUser): Admission {
    const rule = ruleFor(verified, resource)
    const scopes = limitScope(rule.scopes, [verified.issuer.scopes], table)
    // A workload cannot request more scopes, so it is not told to.
    if (!covers(scopes, resource.scopes, table)) throw noAccess('token-lacks-scope', `rule ${rule.name}`)
    const identity = assertions!.workloadOf(verified)
    const user = nameUser(identity)
    const expiresAt = verified.expiresAt + verified.issuer.clockSkew
    const detail = `workload of ${verified.issuer.issuer} by rule ${rule.name}`
    emit({ type: 'api-key-used', endpoint: resource.path, client: 'workload', user, detail })
    return {
      auth: {
        token,
        clientId: 'workload',
        scopes,
        expiresAt,
        resource: new URL(resource.id),
        extra: { clientName: rule.name },
        user: {
          id: WORKLOAD_PREFIX + user,
          kind: 'workload',
          emailVerified: false,
          name: identity.name,
          claims: identity.claims,
        },
        upstream: { provider: undefined, accessToken: noUpstream },
      },
      clientName: rule.name,
      grant: undefined,
      provider: undefined,
      expiresAt,
      stands: () => now() < expiresAt,
    }
  }

  async function verify(id: string, token: string, resource: Resource): Promise<Admission> {
    try {
      const verified = await assertions!.verify(token, 'bearer', [resource.id])
      const admission = admissionOf(token, verified, resource, await userIds.naming())
      const until = Math.min(now() + seconds.workloadVerified, admission.expiresAt!)
      known.set(id, { admission, until })
      return admission
    } catch (error) {
      if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') throw error
      const { reason, detail } = error
      throw reason === 'workload-without-rule' ? noAccess(reason, detail ?? '') : invalidToken(reason, detail)
    }
  }

  return {
    open(token, resource) {
      const id = digest(`${resource.id}\n${token}`)
      const kept = known.get(id)
      if (kept && kept.until > now()) return kept.admission
      const read = readToken(token)
      if (typeof read === 'string' || !assertions.trusts(read, 'bearer')) return undefined
      return verify(id, token, resource)
    },
  }
}
