import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { forward } from '../forward/forward.ts'
import type { Admission } from '../guard/guard.ts'
import { isAllowedOrigin } from '../guard/origin.ts'
import { mediaType } from '../http/body.ts'
import { allowOrigin, preflight } from '../http/cors.ts'
import { json, page } from '../http/responses.ts'
import type { Resource } from '../options/options.ts'
import { bearerChallenge } from '../protocol/challenge.ts'
import { home } from './home.ts'
import { metadataUrlFor } from './resource-metadata.ts'

const METHODS = 'GET, POST, DELETE, OPTIONS'

/**
 * The protected resource: nothing behind it sees a request before its token has been checked.
 *
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export const mcpEndpoint =
  (resource: Resource): Endpoint =>
  (request, ctx, call) => {
    const origin = request.headers.get('origin')
    if (origin !== null && !isAllowedOrigin(origin, ctx.settings.origin, ctx.settings.origins)) {
      call.emit({
        type: 'refused',
        endpoint: resource.path,
        code: 'access_denied',
        reason: 'foreign-origin',
        resource: resource.id,
      })
      return json({ error: 'access_denied', error_description: 'This origin may not call this server' }, 403)
    }
    if (request.method === 'OPTIONS') return preflight(request, METHODS, origin ?? undefined)
    const response = admitAndPass(request, resource, ctx, call)
    return origin === null ? response : response.then((answer) => allowOrigin(mutable(answer), origin))
  }

async function admitAndPass(
  request: Request,
  resource: Resource,
  ctx: Context,
  call: Call,
): Promise<Response> {
  const { authorization, second } = credentials(request)
  let admission: Admission | undefined
  try {
    if (second)
      throw new OAuthError('invalid_request', 'The access token is sent in more than one way', {
        reason: 'token-twice',
      })
    const admitted = ctx.guard.admit(authorization, resource)
    admission = admitted instanceof Promise ? await admitted : admitted
    // Without credentials a client learns where to get some; nothing was wrong with what it sent.
    if (!admission)
      return wantsPage(request) ? introduce(request, resource, ctx) : challenge(request, resource)
    const within = ctx.limits.user(admission.auth.user.id)
    if (within) await within
    const tenant = ctx.upstreams.tenantOf(request)
    if (tenant && (await tenant).id !== admission.provider) throw ofAnotherTenant()
    call.keepOpen()
    if (ctx.settings.listeners.length === 0) return await pass(request, resource, ctx, admission)
    const began = performance.now()
    const response = await pass(request, resource, ctx, admission)
    const duration = Math.round(performance.now() - began)
    const passed = { status: response.status, duration, action: actionOf(request) }
    call.emit({ type: 'forwarded', ...about(resource, admission), ...passed })
    return response
  } catch (thrown) {
    const error = await judgeFailure(thrown, ctx, call)
    call.emit({ ...refusal(error), ...about(resource, admission) })
    return challenge(request, resource, error)
  }
}

/** Who asked, and for what. */
function about(resource: Resource, admission: Admission | undefined) {
  const auth = admission?.auth
  return {
    endpoint: resource.path,
    resource: resource.id,
    client: auth?.clientId,
    user: auth?.user.id,
    grant: auth?.extra.grant as string | undefined,
    provider: admission?.provider,
  }
}

/** Names of tools and prompts are public; those of resources are addresses, which may hold anything. */
function actionOf({ headers }: Request): string | undefined {
  const method = headers.get('mcp-method')
  if (method === null || !/^[\w/]{1,64}$/.test(method)) return undefined
  const name = headers.get('mcp-name')
  const named = name !== null && /^(tools\/call|prompts\/get)$/.test(method) && /^[\w./-]{1,128}$/.test(name)
  return named ? `${method} ${name}` : method
}

/** What is answered: of too many tokens that are none, that there were too many. */
async function judgeFailure(thrown: unknown, { limits }: Context, call: Call): Promise<OAuthError> {
  if (!(thrown instanceof OAuthError)) throw thrown
  if (thrown.code !== 'invalid_token') return thrown
  try {
    await limits.tokenFailed(call.address())
    return thrown
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
}

const ofAnotherTenant = () =>
  new OAuthError('invalid_token', 'The access token is invalid, expired or revoked', {
    reason: 'token-of-another-tenant',
  })

/** How a request shows a token. Anything but the header is ignored, unless it comes beside it. */
function credentials(request: Request): { authorization: string | null; second: boolean } {
  const authorization = request.headers.get('authorization')
  if (authorization === null) return { authorization, second: false }
  // No MCP message is a form, and a form may carry a second token (RFC 6750 §2.2).
  const second =
    request.url.includes('access_token=') || mediaType(request) === 'application/x-www-form-urlencoded'
  return { authorization, second }
}

function pass(
  request: Request,
  resource: Resource,
  { settings }: Context,
  { auth, clientName }: Admission,
): Response | Promise<Response> {
  const { target } = resource
  if ('handler' in target) return target.handler(request, auth)
  const { pathname, search } = new URL(request.url)
  const url = new URL(target.url)
  url.pathname = url.pathname.replace(/\/$/, '') + pathname.slice(resource.path.length) || '/'
  url.search = [target.url.search.slice(1), search.slice(1)].filter(Boolean).join('&')
  const forwarding = { target: url, mode: resource.forward, auth, clientName, origin: settings.origin }
  return forward(request, forwarding, settings.fetch)
}

/** Somebody has opened the address in a browser. MCP clients ask for JSON or an event stream. */
function wantsPage({ method, headers }: Request): boolean {
  const accept = headers.get('accept') ?? ''
  return method === 'GET' && accept.includes('text/html') && !accept.includes('text/event-stream')
}

/** The same refusal with a page that says how to connect. */
function introduce(request: Request, resource: Resource, ctx: Context): Response {
  const response = page(home(request, ctx, resource.name, [resource]), 401)
  for (const [name, value] of challenge(request, resource).headers) response.headers.set(name, value)
  return response
}

/** A refusal as a client can act on it. Failures that are not about the token carry no challenge. */
function challenge(request: Request, resource: Resource, error?: OAuthError): Response {
  // The sign-in at the provider is over: for this client that means the token is.
  const code = error?.code === 'invalid_grant' ? 'invalid_token' : error?.code
  const named =
    code === undefined ||
    code === 'invalid_request' ||
    code === 'invalid_token' ||
    code === 'insufficient_scope'
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (named) {
    headers['www-authenticate'] = bearerChallenge({
      resourceMetadata: metadataUrlFor(resource, new URL(request.url).pathname),
      scope: code === 'insufficient_scope' ? resource.scopes : resource.defaultScope,
      error: code,
      description: error?.message,
    })
  }
  if (error?.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter)
  if (!error) return new Response(null, { status: 401, headers })
  const status = code === 'invalid_token' ? 401 : error.status
  return json({ error: code, error_description: error.message }, status, headers)
}

/** Headers of a response that came from `fetch` or a handler may be locked. */
const mutable = (response: Response): Response => new Response(response.body, response)
