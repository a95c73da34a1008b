import { callOf } from './call.ts'
import { createContext } from './context.ts'
import { ConfigError, type ConfigIssue } from './errors.ts'
import { describeError } from './events/describe-error.ts'
import { printWarning } from './events/print-failure.ts'
import type { Verdict } from './forward/passage.ts'
import { FetchHead, type RequestHead } from './http/head.ts'
import { createOperatorGrants, type OperatorGrants } from './operator.ts'
import type { ProxyOptions } from './options/options.ts'
import { readOptions } from './options/settings.ts'
import type { ReasonCode } from './reasons/reasons.ts'
import { createRouter } from './router.ts'
import {
  type AuthRequest,
  completeAuthorization,
  parseAuthRequest,
  type SignedInUser,
} from './sign-in/own-login.ts'
import { removedIdSecret, warningsOf } from './warnings.ts'

/** The proxy: a fetch handler, and the operator's view of its grants. */
export interface OAuthProxy {
  /** Handles a request. Never rejects, and needs no `this`. Pass the further arguments of the runtime. */
  readonly fetch: (request: Request, ...native: unknown[]) => Promise<Response>
  /**
   * Judges the head of a request for a protected MCP server, without its body. Emits the same events as `fetch`, and
   * counts the same limits. An adapter then moves the bodies by its runtime's fastest means; a gateway can use the
   * decision alone, as with nginx's `auth_request`. After a `forward` verdict, the caller must call `answered`, `failed`
   * or `abandoned` of the passage; after `handle`, it must call `handle` once. After `inspect`, which only a server with rules for
   * tools gives, it must read the body and call `judge`.
   *
   * @param head The request's method, target and headers as received. Paths with more than one reading are refused.
   * @param native Further arguments, as for `fetch`: they tell the client's address.
   * @returns `undefined` for any other address: pass the whole request to `fetch`. A promise only if the token, a limit
   * or a provider has to be looked up. Never throws or rejects.
   */
  readonly admit: (head: RequestHead, ...native: unknown[]) => Verdict | Promise<Verdict> | undefined
  /**
   * Returns the pattern of the address that a request target belongs to, such as `/register/:id`, or `undefined`. Names
   * telemetry by it: clients choose paths, and each path would be a name.
   */
  readonly routeOf: (target: string) => string | undefined
  /** Ends every event stream that only waits. Call it before a server stops, so that its clients reconnect elsewhere. */
  readonly endStreams: () => void
  /**
   * Resolves once no work is under way that outlives its request, such as the refresh of a provider's token whose client has
   * left. Await it after the last response, before the process ends. The `serve` of each runtime does.
   */
  readonly settled: () => Promise<void>
  /** Turns `/health` to 503, so that a load balancer sends no more requests here. Everything else goes on. */
  readonly drain: () => void
  /**
   * Announces in the metadata, or no longer, that a client id may be the address of a document. Call it with `false` while
   * documents cannot be fetched, so that clients register instead. A client that shows a document is still looked up.
   */
  readonly announceDocuments: (announced: boolean) => void
  /** Emits a `failed` event for something that a server around the proxy noticed. */
  readonly report: (event: {
    readonly reason: ReasonCode
    readonly detail?: string
    readonly error?: unknown
  }) => void
  /**
   * Returns the sign-in that a request to the application's own page belongs to (`upstream: { login, name }`).
   *
   * @throws {OAuthError} `access_denied` from another browser or a second time, `invalid_request` too late.
   */
  readonly parseAuthRequest: (request: Request) => AuthRequest
  /**
   * Completes that sign-in, once the page knows the user.
   *
   * @param done.request The request that the page received, with its cookies.
   * @param done.state The `state`, if the URL of the request does not contain it.
   * @returns The response that the page must send: the way back to the client.
   * @throws {OAuthError} As `parseAuthRequest`.
   */
  readonly completeAuthorization: (done: {
    readonly request: Request
    readonly state?: string
    readonly user: SignedInUser
  }) => Promise<Response>
  readonly grants: OperatorGrants
  /**
   * Checks in the storage that the ids of users stay as they were. Call it before a server starts; no request needs it.
   *
   * @throws {ConfigError} If the ids would change, because the secret that they follow was removed. Nothing is changed.
   */
  readonly checkUserIds: () => Promise<void>
  /** The issuer, which is the public URL. */
  readonly issuer: string
  /** The MCP servers: the address for clients, and the address that requests are forwarded to, except for handlers. */
  readonly resources: readonly { readonly id: string; readonly name: string; readonly target?: string }[]
  /**
   * Options that are valid, but probably not meant. Examples are MCP servers whose addresses overlap, rules of `allow`
   * that no user can meet, or no `allow` at a provider where anyone can have an account. Without a listener, `createProxy`
   * prints them by `console.warn`. `lockgate serve` prints them too. No message contains a secret.
   */
  readonly warnings: readonly ConfigIssue[]
}

/**
 * Creates the proxy. Checks the options, but does no I/O before the first request.
 *
 * @throws {ConfigError} If options are wrong. It names all of them.
 *
 * @see [MCP, Authorization](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization)
 */
export function createProxy(options: ProxyOptions): OAuthProxy {
  const settings = readOptions(options)
  const ctx = createContext(settings)
  const router = createRouter(ctx)
  const warnings = warningsOf(settings, options)
  if (options.on?.event === undefined) warnings.forEach(printWarning)

  return {
    issuer: settings.issuer,
    warnings,
    resources: settings.resources.map(({ id, name, target }) => ({
      id,
      name,
      // The query may contain a secret.
      ...('url' in target && { target: target.url.origin + target.url.pathname }),
    })),
    fetch(request, ...native) {
      const head = new FetchHead(request)
      return router.handle(request, head, callOf(ctx, head, native))
    },
    admit: (head, ...native) => router.admit(head, callOf(ctx, head, native)),
    routeOf: router.routeOf,
    endStreams: () => ctx.streams.end(),
    settled: ctx.settled,
    drain: () => {
      ctx.health.isDraining = true
    },
    announceDocuments: (announced) => {
      ctx.announced.documents = announced
    },
    report: ({ error, ...event }) =>
      ctx.emit({ type: 'failed', ...event, ...(error !== undefined && { error: describeError(error) }) }),
    parseAuthRequest: (request) => parseAuthRequest(ctx, request),
    completeAuthorization({ request, ...done }) {
      const completing = completeAuthorization(ctx, callOf(ctx, new FetchHead(request), []), request, done)
      ctx.keepAlive(completing.catch(() => {}))
      return completing
    },
    grants: createOperatorGrants(ctx),
    async checkUserIds() {
      const former = await ctx.userIds.settle()
      if (former !== undefined) throw new ConfigError([removedIdSecret(former)])
    },
  }
}
