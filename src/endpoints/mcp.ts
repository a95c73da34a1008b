import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Verdict } from '../forward/passage.ts'
import { hasAccessToken } from '../forward/query.ts'
import type { Admission } from '../guard/admission.ts'
import type { Admitted } from '../guard/guard.ts'
import { isAllowedOrigin } from '../guard/origin.ts'
import { trimBlanks } from '../http/blanks.ts'
import { mediaType } from '../http/body.ts'
import { preflight } from '../http/cors.ts'
import type { Head } from '../http/head.ts'
import { json } from '../http/responses.ts'
import type { Resource } from '../options/options.ts'
import { doubledHeader } from '../protocol/mcp-headers.ts'
import { invalidToken, tokenTwice } from '../refusals.ts'
import { type Bearing, createBearings } from './mcp-bearing.ts'
import { createInspect } from './mcp-inspect.ts'
import { createPass } from './mcp-pass.ts'
import { createRefusals } from './mcp-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/** Judges the head of a request. Waits only if a token, a limit or a provider has to be looked up. Never rejects. */
export type Judge = (head: Head, call: Call) => Verdict | Promise<Verdict>

const ALLOW = 'GET, POST, DELETE, HEAD, OPTIONS'
const METHODS: ReadonlySet<string> = new Set(ALLOW.split(', '))

/**
 * Guards a protected resource: the MCP server gets no request before its token has been checked.
 *
 * @param passOf Makes the way of admitted requests. By default they are forwarded.
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function createJudge(resource: Resource, ctx: Context, passOf: typeof createPass = createPass): Judge {
  const { settings, guard, limits, upstreams } = ctx
  const { uptime } = settings
  const refusals = createRefusals(resource, ctx)
  const bearings = createBearings(resource, ctx)
  const pass = passOf(resource, ctx, refusals, bearings)
  const inspect =
    resource.inspection && createInspect(resource, resource.inspection, { ctx, refusals, bearings, pass })
  const go = (visit: Visit, admission: Admission, bearing: Bearing): Verdict =>
    inspect && isInspected(visit) ? inspect.known(visit, admission, bearing) : pass(visit, admission, bearing)

  function judge(visit: Visit): Verdict | Promise<Verdict> {
    try {
      // Workers leave an empty header out, so that an empty one counts as none everywhere.
      const authorization = visit.head.headers.get('authorization') || null
      if (authorization !== null && showsTwice(visit.head)) return refusals.refuse(visit, tokenTwice())
      const at = uptime()
      const admitted = guard.admit(authorization, resource, at)
      if (!(admitted instanceof Promise)) return welcome(visit, admitted, at)
      return admitted.then(
        (admission) => welcome(visit, admission),
        (error) => refusals.refuse(visit, error),
      )
    } catch (error) {
      return refusals.refuse(visit, error)
    }
  }

  function welcome(visit: Visit, admission: Admitted, at?: number): Verdict | Promise<Verdict> {
    if (admission instanceof OAuthError) return refusals.refuse(visit, admission)
    // A client without credentials learns where to get some. Nothing was wrong with its request.
    if (!admission) return inspect?.stranger(visit) ?? { type: 'answer', response: refusals.introduce(visit) }
    try {
      const counted = limits.user(admission.auth.user.id, 1, 0, at)
      if (counted !== undefined || upstreams.tenants) return welcomeSlowly(visit, admission, counted)
      const bearing = bearings.of(admission)
      if (!(bearing instanceof Promise)) return go(visit, admission, bearing)
      return bearing
        .then((one) => go(visit, admission, one))
        .catch((error: unknown) => refusals.refuse(visit, error, admission))
    } catch (error) {
      return refusals.refuse(visit, error, admission)
    }
  }

  async function welcomeSlowly(
    visit: Visit,
    admission: Admission,
    counted: void | Promise<void>,
  ): Promise<Verdict> {
    try {
      await counted
      const tenant = upstreams.tenantOf(visit.head.toRequest())
      if (tenant && (await tenant).id !== admission.provider) throw invalidToken('token-of-another-tenant')
      return go(visit, admission, await bearings.of(admission))
    } catch (error) {
      return refusals.refuse(visit, error, admission)
    }
  }

  return (head, call) => {
    if (!METHODS.has(head.method)) {
      call.emit({ type: 'refused', reason: 'method-not-allowed', ...refusals.about(undefined) })
      return { type: 'answer', response: methodNotAllowed() }
    }
    const fault = faultOf(head)
    if (fault) {
      return { type: 'answer', response: refusals.respond({ head, call, origin: null }, fault, undefined) }
    }
    const origin = head.headers.get('origin')
    if (origin !== null && !isAllowedOrigin(origin, settings.origin, settings.origins)) {
      const code = 'access_denied'
      call.emit({ type: 'refused', code, reason: 'foreign-origin', ...refusals.about(undefined) })
      return { type: 'answer', response: foreignOrigin() }
    }
    if (head.method === 'OPTIONS') {
      return { type: 'answer', response: preflight(head, ALLOW, origin ?? undefined) }
    }
    return judge({ head, call, origin })
  }
}

/** Returns whether a request may have a body. No carrier forwards a body with the other methods. */
const isInspected = ({ head: { method } }: Visit): boolean => method === 'POST' || method === 'DELETE'

/** Returns whether a request shows a second token. No MCP message is a form, and a form may carry one (RFC 6750 §2.2). */
const showsTwice = (head: Head): boolean =>
  hasAccessToken(head.search) || mediaType(head) === 'application/x-www-form-urlencoded'

/** Returns the error for a head that programs read differently. */
function faultOf(head: Head): OAuthError | undefined {
  if (head.method === 'POST' && isPackedForTransfer(head)) {
    return new OAuthError('invalid_request', 'The transfer coding of the request is not supported', {
      reason: 'unsupported-transfer-coding',
    })
  }
  const doubled = doubledHeader(head.headers)
  if (doubled === undefined) return undefined
  const detail = { reason: 'header-doubled', detail: doubled } as const
  return new OAuthError('invalid_request', `The request has the header ${doubled} twice`, detail)
}

/**
 * Returns whether a body has another transfer coding than chunks. A runtime removes the chunks only.
 *
 * @see [RFC 9112 §6.1](https://www.rfc-editor.org/rfc/rfc9112#section-6.1)
 */
function isPackedForTransfer({ headers }: Head): boolean {
  const coding = headers.get('transfer-encoding')
  return coding !== null && trimBlanks(coding).toLowerCase() !== 'chunked'
}

const methodNotAllowed = () =>
  json({ error: 'invalid_request', error_description: 'The method is not allowed' }, 405, { allow: ALLOW })

const foreignOrigin = () =>
  json({ error: 'access_denied', error_description: 'This origin may not call this server' }, 403)
