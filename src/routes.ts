import { type IRequest, Router } from 'itty-router'
import type { Call, Context, Endpoint } from './context.ts'
import { accountEndpoint, disconnectEndpoint, signOutEndpoint } from './endpoints/account.ts'
import { accountSignInEndpoint } from './endpoints/account-sign-in.ts'
import { authorizeEndpoint } from './endpoints/authorize.ts'
import { callbackEndpoint } from './endpoints/callback.ts'
import { consentEndpoint } from './endpoints/consent.ts'
import { healthEndpoint, homeEndpoint } from './endpoints/home.ts'
import {
  changeRegistrationEndpoint,
  deleteRegistrationEndpoint,
  readRegistrationEndpoint,
} from './endpoints/manage-registration.ts'
import { mcpEndpoint } from './endpoints/mcp.ts'
import { metricsEndpoint } from './endpoints/metrics.ts'
import { limited } from './endpoints/rate-limit.ts'
import { registerEndpoint } from './endpoints/register.ts'
import { resourceMetadataEndpoint } from './endpoints/resource-metadata.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import {
  emptyKeySetEndpoint,
  openidConfigurationEndpoint,
  serverMetadataEndpoint,
} from './endpoints/server-metadata.ts'
import { tokenEndpoint } from './endpoints/token/token.ts'
import { OAuthError } from './errors.ts'
import { refusal } from './events/refusal.ts'
import { allowOrigin, preflight } from './http/cors.ts'
import { json, page } from './http/responses.ts'
import type { Resource } from './options/options.ts'
import { errorPage, errorView } from './pages/error-page.ts'
import { resourceMetadataPath, wellKnownPath } from './protocol/documents.ts'

/** Who calls an endpoint: programs, also from pages of any origin, or the user's browser on its own. */
type Caller = 'program' | 'browser'

interface Route {
  readonly path: string
  readonly caller: Caller
  readonly methods: Readonly<Record<string, Endpoint>>
}

const program = (path: string, methods: Route['methods']): Route => ({ path, caller: 'program', methods })
const browser = (path: string, methods: Route['methods']): Route => ({ path, caller: 'browser', methods })

/** The documents by which clients find this server. */
function documentsOf({ settings }: Context): readonly Route[] {
  const { basePath: base, resources, discovery } = settings
  const server = wellKnownPath('oauth-authorization-server', '')
  const [only, ...others] = resources
  // The innermost resource first: a document also answers for the addresses below its resource.
  const inward = [...resources].sort((a, b) => b.path.length - a.path.length)
  const resource = (one: Resource, path: string) =>
    program(`${path}/*`, { GET: resourceMetadataEndpoint(one, path) })
  const below = base !== '' && discovery.belowPath
  return [
    ...(below
      ? [
          program(base + server, { GET: serverMetadataEndpoint }),
          program(`${base}/.well-known/openid-configuration`, { GET: openidConfigurationEndpoint }),
          program(`${base}/.well-known/jwks.json`, { GET: emptyKeySetEndpoint }),
          ...inward.map((one) => resource(one, resourceMetadataPath(one.path, base))),
        ]
      : []),
    program(server + base, { GET: serverMetadataEndpoint }),
    ...(base !== '' && discovery.atRoot ? [program(server, { GET: serverMetadataEndpoint })] : []),
    ...inward.map((one) => resource(one, resourceMetadataPath(one.path))),
    // Clients that find nothing at the resource's own path look here. With several resources it would mislead.
    ...(others.length === 0 && only.path !== ''
      ? [
          program(resourceMetadataPath(''), {
            GET: resourceMetadataEndpoint(only, resourceMetadataPath('')),
          }),
        ]
      : []),
  ]
}

/** Every other endpoint. HEAD, OPTIONS, 404 and 405 follow from these tables. */
function routesOf({ settings, clients }: Context): readonly Route[] {
  const { basePath: base, resources } = settings
  return [
    ...(clients.register ? [program(`${base}/register`, { POST: limited(registerEndpoint) })] : []),
    ...(clients.stored
      ? [
          program(`${base}/register/:id`, {
            GET: limited(readRegistrationEndpoint),
            PUT: limited(changeRegistrationEndpoint),
            DELETE: limited(deleteRegistrationEndpoint),
          }),
        ]
      : []),
    browser(`${base}/authorize`, { GET: limited(authorizeEndpoint), POST: limited(authorizeEndpoint) }),
    browser(`${base}/consent`, { POST: limited(consentEndpoint) }),
    browser(`${base}/callback`, { GET: limited(callbackEndpoint), POST: limited(callbackEndpoint) }),
    browser(`${base}/callback/:provider`, {
      GET: limited(callbackEndpoint),
      POST: limited(callbackEndpoint),
    }),
    ...(settings.account
      ? [
          browser(`${base}/account`, { GET: accountEndpoint }),
          browser(`${base}/account/sign-in`, { POST: limited(accountSignInEndpoint) }),
          browser(`${base}/account/sign-out`, { POST: signOutEndpoint }),
          browser(`${base}/account/revoke`, { POST: disconnectEndpoint }),
        ]
      : []),
    program(`${base}/token`, { POST: tokenEndpoint }),
    program(`${base}/revoke`, { POST: revokeEndpoint }),
    program(`${base}/health`, { GET: healthEndpoint }),
    ...(settings.metrics ? [program(`${base}/metrics`, { GET: metricsEndpoint(settings.metrics) })] : []),
    ...(resources.some(({ path }) => path === base) ? [] : [browser(base || '/', { GET: homeEndpoint })]),
  ]
}

/** Answers every request; never throws. */
export type Handle = (request: Request, call: Call) => Promise<Response>

export function createRouter(ctx: Context): Handle {
  const router = Router()
  const guarded = [...ctx.settings.resources].sort((a, b) => b.path.length - a.path.length)
  // A resource at the path of `url` itself must not hide the other endpoints.
  const isRoot = ({ path }: Resource) => path === ctx.settings.basePath
  const [inner, root] = [guarded.filter((one) => !isRoot(one)), guarded.filter(isRoot)]
  for (const route of documentsOf(ctx)) add(route.path, route.caller, byMethod(route))
  for (const resource of inner) add(`${resource.path}/*`, 'program', mcpEndpoint(resource))
  for (const route of routesOf(ctx)) add(route.path, route.caller, byMethod(route))
  add('/.well-known/*', 'program', notFound)
  for (const resource of root) add(`${resource.path}/*`, 'program', mcpEndpoint(resource))
  add('/*', 'program', notFound)

  function add(path: string, caller: Caller, endpoint: Endpoint): void {
    const answer = bounded(ctx, caller, endpoint)
    router.all(path, (_match: IRequest, request: Request, call: Call) => answer(request, call))
  }

  // Nearly every request is for the very address of a resource, and needs no pattern to be matched.
  const direct = new Map(
    inner.map((resource) => [resource.path, bounded(ctx, 'program', mcpEndpoint(resource))]),
  )

  // The router writes onto what it routes, and some runtimes' requests refuse that: it gets a stand-in.
  const routed = bounded(ctx, 'program', (request, _ctx, call) =>
    router.fetch({ method: request.method, url: request.url } as IRequest, request, call),
  )

  return (request, call) => (direct.get(pathOf(request.url)) ?? routed)(request, call)
}

/** The path as it is written in a URL, which need not be how it reads once it is taken apart. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const end = url.indexOf('?', start)
  return start < 0 ? '' : url.slice(start, end < 0 ? undefined : end)
}

/** An endpoint that never throws. */
const bounded =
  (ctx: Context, caller: Caller, endpoint: Endpoint): Handle =>
  async (request, call) => {
    try {
      return await endpoint(request, ctx, call)
    } catch (error) {
      return answerFailure(error, request, caller, ctx, call)
    }
  }

/** Responds with 404. Reports addresses outside `url`: a proxy in front may strip its path. */
const notFound: Endpoint = (request, { settings }, call) => {
  const { pathname } = new URL(request.url)
  if (!`${pathname}/`.startsWith(`${settings.basePath}/`)) {
    const about = { code: 'not_found', reason: 'outside-url' } as const
    call.emit({ type: 'refused', endpoint: pathname.slice(0, 200), ...about })
  }
  const response = json({ error: 'not_found', error_description: 'There is nothing at this address' }, 404)
  return allowOrigin(response, '*')
}

/** Picks the endpoint for a method, and answers the methods that nobody has to write. */
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

/** The one place where something thrown becomes an answer. */
function answerFailure(
  thrown: unknown,
  request: Request,
  caller: Caller,
  ctx: Context,
  call: Call,
): Response {
  const endpoint = URL.canParse(request.url) ? new URL(request.url).pathname : undefined
  const error =
    thrown instanceof OAuthError
      ? thrown
      : new OAuthError('server_error', 'Something went wrong on our side', {
          reason: 'unexpected',
          cause: thrown,
        })
  const { code, message, status, retryAfter } = error
  call.emit({ endpoint, ...refusal(error) })
  const headers: Record<string, string> = {}
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  if (caller === 'browser') {
    return page(errorPage(ctx.settings.look, errorView(error, call.requestId())), status, [], headers)
  }
  // RFC 6749 §5.2: the challenge answers the scheme the client used.
  const basic = /^basic /i.test(request.headers.get('authorization') ?? '')
  if (code === 'invalid_client' && basic)
    headers['www-authenticate'] = 'Basic realm="lockgate", charset="UTF-8"'
  const response = json({ error: code, error_description: message }, status, headers)
  return request.headers.has('origin') ? allowOrigin(response, '*') : response
}
