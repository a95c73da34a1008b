import type { Context, Endpoint } from './context.ts'
import {
  accountEndpoint,
  askAgainEndpoint,
  disconnectEndpoint,
  signOutEndpoint,
} from './endpoints/account.ts'
import { accountSignInEndpoint } from './endpoints/account-sign-in.ts'
import { authorizeEndpoint } from './endpoints/authorize.ts'
import { callbackEndpoint } from './endpoints/callback.ts'
import { consentEndpoint } from './endpoints/consent.ts'
import { developmentPageEndpoint, developmentSignInEndpoint } from './endpoints/development-sign-in.ts'
import type { Caller } from './endpoints/failure.ts'
import { finishEndpoint } from './endpoints/finish.ts'
import { healthEndpoint, homeEndpoint } from './endpoints/home.ts'
import { introspectEndpoint } from './endpoints/introspect.ts'
import { keysEndpoint } from './endpoints/keys.ts'
import {
  changeRegistrationEndpoint,
  deleteRegistrationEndpoint,
  readRegistrationEndpoint,
} from './endpoints/manage-registration.ts'
import { metricsEndpoint } from './endpoints/metrics.ts'
import { limited } from './endpoints/rate-limit.ts'
import { registerEndpoint } from './endpoints/register.ts'
import { resourceMetadataEndpoint } from './endpoints/resource-metadata.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import { openidConfigurationEndpoint, serverMetadataEndpoint } from './endpoints/server-metadata.ts'
import { tokenEndpoint } from './endpoints/token/token.ts'
import { upstreamKeysEndpoint } from './endpoints/upstream-keys.ts'
import type { Resource } from './options/options.ts'
import { clientKeysOf, isDevelopment } from './options/upstream.ts'
import { resourceMetadataPath, wellKnownPath } from './protocol/documents.ts'

/** One address with its endpoints by method. The path is a pattern of itty-router. */
export interface Route {
  readonly path: string
  readonly caller: Caller
  readonly methods: Readonly<Record<string, Endpoint>>
}

const program = (path: string, methods: Route['methods']): Route => ({ path, caller: 'program', methods })
const browser = (path: string, methods: Route['methods']): Route => ({ path, caller: 'browser', methods })

/** Returns the documents by which clients find this server. */
function documentsOf({ settings }: Context): readonly Route[] {
  const { basePath: base, guarded, discovery } = settings
  const server = wellKnownPath('oauth-authorization-server', '')
  const [only, ...others] = guarded
  // The innermost resource first: a document also answers for the addresses below its resource.
  const inward = [...guarded].sort((a, b) => b.path.length - a.path.length)
  const resource = (one: Resource, path: string) =>
    program(`${path}/*`, { GET: resourceMetadataEndpoint(one, path) })
  const below = base !== '' && discovery.belowPath
  return [
    ...(below
      ? [
          program(base + server, { GET: serverMetadataEndpoint }),
          program(`${base}/.well-known/openid-configuration`, { GET: openidConfigurationEndpoint }),
          program(`${base}/.well-known/jwks.json`, { GET: keysEndpoint }),
          ...inward.map((one) => resource(one, resourceMetadataPath(one.path, base))),
        ]
      : []),
    program(server + base, { GET: serverMetadataEndpoint }),
    ...(discovery.openid ? openidRoutes(base, below) : []),
    ...(base !== '' && discovery.atRoot ? [program(server, { GET: serverMetadataEndpoint })] : []),
    ...inward.map((one) => resource(one, resourceMetadataPath(one.path))),
    // Clients that find nothing at the resource's own path look here. With several resources it would mislead.
    ...(only && others.length === 0 && only.path !== ''
      ? [
          program(resourceMetadataPath(''), {
            GET: resourceMetadataEndpoint(only, resourceMetadataPath('')),
          }),
        ]
      : []),
  ]
}

/** Relying parties append the name to the issuer; clients of MCP insert it before the path. */
const openidRoutes = (base: string, below: boolean): readonly Route[] => {
  const document = { GET: openidConfigurationEndpoint }
  const appended = program(`${base}/.well-known/openid-configuration`, document)
  if (base === '') return [appended]
  return [program(wellKnownPath('openid-configuration', base), document), ...(below ? [] : [appended])]
}

/** Returns every other endpoint but the MCP servers. HEAD, OPTIONS, 404 and 405 follow from these tables. */
function endpointsOf({ settings, clients, signer }: Context): readonly Route[] {
  const { basePath: base, guarded } = settings
  const proofs = clientKeysOf(settings.upstream)
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
    ...(settings.cookies.secure ? [] : [browser(`${base}/finish`, { POST: limited(finishEndpoint) })]),
    browser(`${base}/callback`, { GET: limited(callbackEndpoint), POST: limited(callbackEndpoint) }),
    browser(`${base}/callback/:provider`, {
      GET: limited(callbackEndpoint),
      POST: limited(callbackEndpoint),
    }),
    ...(isDevelopment(settings.upstream)
      ? [
          browser(`${base}/sign-in-as`, {
            GET: limited(developmentPageEndpoint),
            POST: limited(developmentSignInEndpoint),
          }),
        ]
      : []),
    ...(settings.account
      ? [
          browser(`${base}/account`, { GET: limited(accountEndpoint) }),
          browser(`${base}/account/sign-in`, { POST: limited(accountSignInEndpoint) }),
          browser(`${base}/account/sign-out`, { POST: limited(signOutEndpoint) }),
          browser(`${base}/account/revoke`, { POST: limited(disconnectEndpoint) }),
          ...(settings.remembers
            ? [browser(`${base}/account/ask-again`, { POST: limited(askAgainEndpoint) })]
            : []),
        ]
      : []),
    program(`${base}/token`, { POST: tokenEndpoint }),
    program(`${base}/revoke`, { POST: revokeEndpoint }),
    ...(signer ? [program(`${base}/jwks`, { GET: keysEndpoint })] : []),
    ...(proofs.length > 0 ? [program(`${base}/upstream-jwks`, { GET: upstreamKeysEndpoint(proofs) })] : []),
    ...(settings.resourceServers.length > 0
      ? [program(`${base}/introspect`, { POST: introspectEndpoint })]
      : []),
    program(`${base}/health`, { GET: healthEndpoint }),
    ...(settings.metrics ? [program(`${base}/metrics`, { GET: metricsEndpoint(settings.metrics) })] : []),
    ...(guarded.some(({ path }) => path === base) ? [] : [browser(base || '/', { GET: homeEndpoint })]),
  ]
}

/** Returns every address but those of the MCP servers. */
export const routesOf = (ctx: Context): readonly Route[] => [...documentsOf(ctx), ...endpointsOf(ctx)]
