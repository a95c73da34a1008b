import { type IRequest, Router } from 'itty-router'
import { direct } from '#outbound'
import type { Call, Context, Endpoint } from './context.ts'
import { type Caller, failureResponse } from './endpoints/failure.ts'
import { createForwardAuth } from './endpoints/forward-auth.ts'
import { createJudge, type Judge } from './endpoints/mcp.ts'
import { carry } from './forward/carry.ts'
import { readForJudge, withBody } from './forward/inspected-body.ts'
import type { Inspection, Verdict } from './forward/passage.ts'
import { allowOrigin, preflight } from './http/cors.ts'
import type { Head, HeaderFields, RequestHead } from './http/head.ts'
import { json } from './http/responses.ts'
import { parseTarget } from './http/target.ts'
import { createResourceMatcher } from './protocol/resource-match.ts'
import { NOTHING_HERE } from './refusals.ts'
import { type Route, routesOf } from './routes.ts'

/** Answers requests. Never throws, and its promises never reject. */
export interface Routing {
  handle(request: Request, head: RequestHead, call: Call): Promise<Response>
  /**
   * Judges a request for a protected MCP server.
   *
   * @returns `undefined` for a request to any other address.
   */
  admit(head: RequestHead, call: Call): Verdict | Promise<Verdict> | undefined
  /** Returns the pattern of the address that a request target belongs to, such as `/register/:id`. */
  routeOf(target: string): string | undefined
}

/** A request whose path was accepted. */
interface Accepted {
  readonly head: Head
  /** The guard of the MCP server at this path, if there is one. */
  readonly judge: Judge | undefined
}

export function createRouter(ctx: Context): Routing {
  const { settings } = ctx
  const router = Router()
  for (const route of routesOf(ctx)) {
    const answer = bounded(ctx, route.caller, byMethod(route))
    router.all(route.path, (_match: IRequest, request: Request, call: Call) => answer(request, call))
  }
  const forwardAuth = createForwardAuth(ctx)
  const judged = [
    ...settings.guarded.map((resource) => ({ path: resource.path, judge: createJudge(resource, ctx) })),
    ...(forwardAuth ? [forwardAuth] : []),
  ]
  const resourceAt = createResourceMatcher(judged, settings.basePath)
  const missing = bounded(ctx, 'program', notFound)
  const health = `${settings.basePath}/health`
  const isOwn = (path: string) =>
    path.startsWith('/.well-known/') || router.routes.some(([, pattern]) => pattern.test(path))

  /** Health checks of load balancers speak HTTP/1.0, in which a request may come without a host. */
  const probedHost = ({ target }: RequestHead) => (target === health ? 'localhost' : null)

  /** @throws {OAuthError} For a target that has more than one reading. */
  function accept(source: RequestHead): Accepted {
    const { path, search } = parseTarget(source.target, source.headers.get('host') ?? probedHost(source))
    const found = resourceAt(path, isOwn)
    return { head: new AcceptedHead(source, path, search), judge: found?.judge }
  }

  const refuse = (error: unknown, head: RequestHead, call: Call): Response =>
    failureResponse(error, head, undefined, 'program', ctx, call)

  async function routed(request: Request, { path }: Head, call: Call): Promise<Response> {
    // The router writes onto what it routes, and some runtimes' requests refuse that: it gets a stand-in.
    const match = { method: request.method, url: `http://localhost${path}` } as IRequest
    return ((await router.fetch(match, request, call)) as Response | undefined) ?? missing(request, call)
  }

  return {
    handle(request, source, call) {
      let accepted: Accepted
      try {
        accepted = accept(source)
      } catch (error) {
        return Promise.resolve(refuse(error, source, call))
      }
      const { head, judge } = accepted
      if (!judge) return routed(request, head, call)
      const verdict = judge(head, call)
      return verdict instanceof Promise ? verdict.then((one) => act(one, request)) : act(verdict, request)
    },
    admit(source, call) {
      try {
        const { head, judge } = accept(source)
        return judge?.(head, call)
      } catch (error) {
        return { type: 'answer', response: refuse(error, source, call) }
      }
    },
    routeOf(target) {
      try {
        const { path } = parseTarget(target, 'localhost')
        const found = resourceAt(path, isOwn)
        return found
          ? found.path || '/'
          : router.routes.find(([, pattern]) => pattern.test(path))?.[3]?.replace(/\/\*$/, '')
      } catch {
        return undefined
      }
    },
  }
}

class AcceptedHead implements Head {
  readonly method: string
  readonly headers: HeaderFields
  readonly path: string
  readonly search: string
  readonly #source: RequestHead

  constructor(source: RequestHead, path: string, search: string) {
    this.method = source.method
    this.headers = source.headers
    this.path = path
    this.search = search
    this.#source = source
  }

  toRequest(): Request {
    return this.#source.toRequest()
  }
}

/** Turns a verdict into a response. */
function act(verdict: Verdict, request: Request): Promise<Response> {
  if (verdict.type === 'handle') return verdict.handle(request)
  if (verdict.type === 'answer') return Promise.resolve(verdict.response)
  if (verdict.type === 'inspect') return inspect(request, verdict)
  return carry(request, verdict.passage, direct, { signal: request.signal })
}

/** Reads the body of a request, and turns the verdict about it into a response. */
async function inspect(request: Request, inspection: Inspection): Promise<Response> {
  const body = await readForJudge(request, inspection)
  const verdict = await inspection.judge(body)
  if (verdict.type === 'answer') return closeUnread(request, verdict.response)
  const read = typeof body === 'string' ? new Uint8Array() : body
  const { signal } = request
  if (verdict.type === 'forward') return carry(request, verdict.passage, direct, { signal, read })
  return verdict.handle(withBody(request, read, signal))
}

/** Returns an endpoint that never throws, and that ends what it began, even if its client leaves. */
function bounded(ctx: Context, caller: Caller, endpoint: Endpoint) {
  async function answer(request: Request, call: Call): Promise<Response> {
    try {
      return closeUnread(request, await endpoint(request, ctx, call))
    } catch (error) {
      const { pathname } = new URL(request.url)
      return closeUnread(request, failureResponse(error, request, pathname, caller, ctx, call))
    }
  }

  return (request: Request, call: Call): Promise<Response> => {
    const answering = answer(request, call)
    // A code that is spent, a token that the provider replaced and a grant that ends: each has a second half.
    call.finish(answering)
    return answering
  }
}

/** Closes the connection after a response if the request's body was not read to its end: the rest may never come. */
function closeUnread(request: Request, response: Response): Response {
  const isUnread =
    request.body !== null && (!request.bodyUsed || response.status === 408 || response.status === 413)
  if (isUnread) response.headers.set('connection', 'close')
  return response
}

/** Responds with 404. Reports addresses outside `url`: a proxy in front may strip its path. */
const notFound: Endpoint = (request, { settings }, call) => {
  const { pathname } = new URL(request.url)
  if (!`${pathname}/`.startsWith(`${settings.basePath}/`)) {
    const about = { code: 'not_found', reason: 'outside-url' } as const
    call.emit({ type: 'refused', endpoint: pathname.slice(0, 200), ...about })
  }
  const response = json({ error: 'not_found', error_description: NOTHING_HERE }, 404)
  return allowOrigin(response, '*')
}

/** Picks the endpoint for a method, and responds to the methods that follow from the others. */
function byMethod({ methods, caller }: Route): Endpoint {
  const names = Object.keys(methods)
  const allow = [...names, ...(methods.GET ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  return async (request, ctx, call) => {
    const cors = caller === 'program' && request.headers.has('origin')
    if (request.method === 'OPTIONS') return preflight(request, allow, cors ? '*' : undefined)
    const isHead = request.method === 'HEAD'
    const endpoint = methods[isHead ? 'GET' : request.method]
    if (!endpoint || !Object.hasOwn(methods, isHead ? 'GET' : request.method)) {
      const unknown = json(
        { error: 'invalid_request', error_description: 'The method is not allowed' },
        405,
        { allow },
      )
      return cors ? allowOrigin(unknown, '*') : unknown
    }
    const response = await endpoint(request, ctx, call)
    const answer = isHead ? new Response(null, response) : response
    return cors ? allowOrigin(answer, '*') : answer
  }
}
