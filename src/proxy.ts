import { callOf } from './call.ts'
import { type Context, createContext } from './context.ts'
import { describeError } from './events/event.ts'
import type { Verdict } from './forward/passage.ts'
import type { Grant } from './grants/grant.ts'
import type { GrantKey } from './grants/grant-key.ts'
import type { Grants } from './grants/grants.ts'
import { ownerOf } from './grants/owner.ts'
import { headOf, type RequestHead } from './http/head.ts'
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

/** One grant, as operators see it. Times are seconds since the epoch. */
export interface GrantSummary {
  readonly user: string
  readonly id: string
  readonly client: string
  readonly clientName: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly createdAt: number
  /** The time of the last exchange or refresh. */
  readonly usedAt: number
  readonly expiresAt: number
  /** The account that approved it, as the provider named it. Absent if no current secret opens the record. */
  readonly account?: { readonly subject: string; readonly email?: string; readonly name?: string } | undefined
}

/** The proxy: a fetch handler, and the operator's view of its grants. */
export interface OAuthProxy {
  /** Handles a request. Never rejects, and needs no `this`. Pass the further arguments of the runtime. */
  readonly fetch: (request: Request, ...native: unknown[]) => Promise<Response>
  /**
   * Judges the head of a request for a protected MCP server, without its body. Emits the same events as `fetch`, and
   * counts the same limits. An adapter then moves the bodies by its runtime's fastest means; a gateway can use the
   * decision alone, as with nginx's `auth_request`. After a `forward` verdict, the caller must call `answered`, `failed`
   * or `abandoned` of the passage; after `handle`, it must call `handle`.
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
  /** Turns `/health` to 503, so that a load balancer sends no more requests here. Everything else goes on. */
  readonly drain: () => void
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
  readonly grants: {
    /** Returns the active grants of one user, by the `user` of events and of {@link Auth.user}. */
    list(user: string): Promise<GrantSummary[]>
    /**
     * Lists the active grants of all users, in no order. Reads them one after another, so that the caller may stop.
     *
     * @param options.limit The largest number of grants. 1000 by default.
     */
    all(options?: { limit?: number }): AsyncIterable<GrantSummary>
    /**
     * Revokes a grant, here and at the provider. Attempts at the provider go on in the background after `wait`.
     *
     * @param options.wait The seconds to wait for the provider. 3 by default. All attempts together take less than 30.
     * @returns `true` if the grant existed.
     */
    revoke(key: { user: string; id: string }, options?: { wait?: number }): Promise<boolean>
  }
  /** The issuer, which is the public URL. */
  readonly issuer: string
  /** The MCP servers: the address for clients, and the address that requests are forwarded to, except for handlers. */
  readonly resources: readonly { readonly id: string; readonly name: string; readonly target?: string }[]
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

  return {
    issuer: settings.issuer,
    resources: settings.resources.map(({ id, name, target }) => ({
      id,
      name,
      // The query may contain a secret.
      ...('url' in target && { target: target.url.origin + target.url.pathname }),
    })),
    fetch(request, ...native) {
      const head = headOf(request)
      return router.handle(request, head, callOf(ctx, head, native))
    },
    admit: (head, ...native) => router.admit(head, callOf(ctx, head, native)),
    routeOf: router.routeOf,
    endStreams: () => ctx.streams.end(),
    drain: () => {
      ctx.health.isDraining = true
    },
    report: ({ error, ...event }) =>
      ctx.emit({ type: 'failed', ...event, ...(error !== undefined && { error: describeError(error) }) }),
    parseAuthRequest: (request) => parseAuthRequest(ctx, request),
    completeAuthorization: ({ request, ...done }) =>
      completeAuthorization(ctx, callOf(ctx, headOf(request), []), request, done),
    grants: {
      async list(user) {
        const found: GrantSummary[] = []
        for await (const { key, grant } of ctx.grants.list(user)) found.push(summarise(ctx, key, grant))
        return found
      },
      async *all({ limit = 1000 } = {}) {
        if (limit < 1) return
        let left = limit
        for await (const { key, grant } of ctx.grants.list()) {
          yield summarise(ctx, key, grant)
          if (--left === 0) return
        }
      },
      async revoke({ user, id }: GrantKey, { wait = 3 } = {}) {
        const key = { user, id }
        const grant = await ctx.grants.end(key)
        if (!grant) return false
        const owner = ownerOf(key, grant)
        ctx.emit({ type: 'grant-ended', ...owner, reason: 'revoked-by-operator' })
        const ended = ctx.endTokens(owner, ctx.grants.tokensOf(key, grant))
        let timer: ReturnType<typeof setTimeout> | undefined
        const patience = new Promise((resolve) => {
          timer = setTimeout(resolve, wait * 1000)
        })
        await Promise.race([ended, patience])
        clearTimeout(timer)
        return true
      },
    },
  }
}

/** Decrypts the account when it is first read, because that costs more than the rest of a long list. */
function summarise({ grants }: Context, key: GrantKey, grant: Grant): GrantSummary {
  const { client, clientName, resource, scope, createdAt, rotatedAt, expiresAt } = grant
  let account: GrantSummary['account'] | null = null
  return {
    ...key,
    client,
    clientName,
    resource,
    scope,
    createdAt,
    usedAt: rotatedAt,
    expiresAt,
    get account() {
      if (account === null) account = accountOf(grants, key, grant)
      return account
    },
  }
}

function accountOf({ identityOf }: Grants, key: GrantKey, grant: Grant): GrantSummary['account'] {
  try {
    const { subject, email, name } = identityOf(key, grant)
    return { subject, ...(email && { email }), ...(name && { name }) }
  } catch {
    return undefined
  }
}
