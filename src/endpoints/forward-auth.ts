import type { Call, Context } from '../context.ts'
import { equal } from '../crypto/compare.ts'
import { OAuthError } from '../errors.ts'
import { type OriginalRequest, originalRequest } from '../forward/original-request.ts'
import type { Verdict } from '../forward/passage.ts'
import { claimedIdentity, disguisedSession } from '../forward/request-headers.ts'
import { isWithin } from '../http/address.ts'
import type { Head, HeaderFields } from '../http/head.ts'
import { parseUrl } from '../http/parse-url.ts'
import {
  FORWARD_AUTH_PATH,
  type ForwardAuthOptions,
  isCarried,
  type ProxyKind,
} from '../options/forward-auth.ts'
import { createResourceMatcher } from '../protocol/resource-match.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { failureResponse } from './failure.ts'
import { createJudge, type Judge } from './mcp.ts'
import { createPermit } from './permit.ts'

/** The header with the secret of the proxy that asks. */
const SECRET_HEADER = 'x-forward-auth-secret'

/** The address where a proxy in front asks, and the decision. */
export interface ForwardAuth {
  readonly path: string
  readonly judge: Judge
}

/**
 * Decides about requests that a native proxy carries itself. Responds with 200 and the headers about the user, or with
 * the refusal that the client would have got. No other response than 200 is a success, so that none can pass for one.
 */
export function createForwardAuth(ctx: Context): ForwardAuth | undefined {
  const { forwardAuth, basePath, guarded, origin, publicHost, publicScheme } = ctx.settings
  if (!forwardAuth) return undefined
  const path = basePath + FORWARD_AUTH_PATH
  const signedHeaders = guarded.flatMap(({ identity }) =>
    identity && identity.header !== 'authorization' ? [identity.header] : [],
  )
  const judges = new Map(
    guarded.filter(isCarried).map((resource) => [resource, createJudge(resource, ctx, createPermit)]),
  )
  const resourceAt = createResourceMatcher([...judges.keys()], basePath)

  function decide(head: Head, call: Call): Verdict | Promise<Verdict> {
    assertCaller(forwardAuth!, head.headers, call)
    const original = originalRequest(forwardAuth!.proxy, {
      method: head.method,
      below: head.path.slice(path.length),
      search: head.search,
      headers: head.headers,
    })
    if (hostOf(original.host, publicScheme) !== publicHost) throw denied('forward-auth-other-host')
    const claimed = claimedIdentity(head.headers, signedHeaders)
    if (claimed !== undefined) throw denied('forward-auth-identity', claimed)
    const session = disguisedSession(head.headers)
    if (session !== undefined) throw denied('forward-auth-identity', session)
    const resource = resourceAt(original.path, () => false)
    const judge = resource && judges.get(resource)
    if (!judge) throw denied('forward-auth-no-server')
    return judge(new OriginalHead(head, original, origin), call)
  }

  function settle(verdict: Verdict): Verdict {
    // Any other verdict would carry the question itself to the MCP server.
    const response = verdict.type === 'answer' ? verdict.response : new Response(null, { status: 403 })
    return { type: 'answer', response: settled(response, forwardAuth!.proxy) }
  }

  return {
    path,
    judge(head, call) {
      const refuse = (error: unknown): Verdict =>
        settle({ type: 'answer', response: failureResponse(error, head, path, 'program', ctx, call) })
      try {
        const verdict = decide(head, call)
        return verdict instanceof Promise ? verdict.then(settle, refuse) : settle(verdict)
      } catch (error) {
        return refuse(error)
      }
    },
  }
}

/** The original request, for the guard and for options that are functions of a request. */
class OriginalHead implements Head {
  readonly method: string
  readonly headers: HeaderFields
  readonly path: string
  readonly search: string
  readonly #url: string

  constructor({ headers }: Head, { method, path, search }: OriginalRequest, origin: string) {
    this.method = method
    this.headers = headers
    this.path = path
    this.search = search
    this.#url = origin + path + search
  }

  toRequest(): Request {
    const headers: [string, string][] = []
    this.headers.forEach((value, name) => {
      headers.push([name, value])
    })
    return new Request(this.#url, { method: this.method, headers })
  }
}

/** @throws {OAuthError} `access_denied` */
function assertCaller({ secret, from }: ForwardAuthOptions, headers: HeaderFields, call: Call): void {
  if (secret !== undefined && !equal(headers.get(SECRET_HEADER) ?? '', secret))
    throw denied('forward-auth-caller')
  if (!from) return
  const peer = call.peer()
  if (isWithin(peer, from)) return
  const unknown = 'the runtime tells no address, so `from` matches nothing: set `secret` alone'
  throw denied('forward-auth-caller', peer === undefined ? unknown : undefined)
}

const denied = (reason: ReasonCode, detail?: string) =>
  new OAuthError('access_denied', 'The request may not pass', { reason, detail })

/** Returns a host as the URL of this server spells it: without the port that its scheme implies. */
const hostOf = (host: string, scheme: string): string | undefined => parseUrl(`${scheme}://${host}`)?.host

/** Turns a decision into statuses that the proxy understands: 200 lets the request pass, and nothing else does. */
function settled(response: Response, proxy: ProxyKind): Response {
  const { status } = response
  if (status === 200) {
    // Envoy keeps the client's token, unless it is told to remove it.
    const keepsToken = proxy === 'envoy' && !response.headers.has('authorization')
    if (keepsToken) response.headers.set('x-envoy-auth-headers-to-remove', 'authorization')
    return response
  }
  // A preflight is no question for this server, and nginx takes every other refusal for a failure.
  const isStrange = status < 400 || (proxy === 'nginx' && status < 500 && ![401, 403, 429].includes(status))
  return isStrange ? new Response(response.body, { status: 403, headers: response.headers }) : response
}
