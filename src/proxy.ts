import type { ProxyOptions } from './config.ts'
import { type Call, createContext } from './context.ts'
import { randomId } from './crypto/random.ts'
import { describeError } from './events/event.ts'
import type { GrantKey } from './grants/grant-key.ts'
import { createRouter } from './routes.ts'
import { readOptions } from './settings.ts'

/** One grant, as an operator sees it. Times are seconds since the epoch. */
export interface GrantSummary {
  readonly user: string
  readonly id: string
  readonly client: string
  readonly clientName: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly createdAt: number
  /** When it was last exchanged or refreshed. */
  readonly usedAt: number
  readonly expiresAt: number
}

/** What {@link createProxy} returns: a fetch handler, and the operator's view of what it holds. */
export interface OAuthProxy {
  /**
   * Answers a request; never rejects. Needs no `this`. Further arguments, as runtimes add them, may be passed on.
   */
  readonly fetch: (request: Request, ...native: unknown[]) => Promise<Response>
  readonly grants: {
    /** The living grants of one user, by the `user` of events and of {@link Auth.user}. */
    list(user: string): Promise<GrantSummary[]>
    /**
     * Ends a grant, here and at the provider: for that it waits three seconds at most, and goes on trying behind the
     * caller's back. @returns Whether there was one.
     */
    revoke(key: { user: string; id: string }): Promise<boolean>
  }
  /** The issuer: what clients see of the configuration. */
  readonly issuer: string
  /** The MCP servers behind: the address clients use, and where its requests go, unless to a handler. */
  readonly resources: readonly { readonly id: string; readonly name: string; readonly target?: string }[]
}

/** Milliseconds. */
const OPERATOR_WAITS = 3000

/**
 * Builds the proxy. Does no I/O: options are checked here, everything else waits for a request.
 *
 * @throws {ConfigError} Naming every option that is wrong, not only the first.
 *
 * @see [MCP, Authorization](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization)
 */
export function createProxy(options: ProxyOptions): OAuthProxy {
  const settings = readOptions(options)
  const ctx = createContext(settings)
  const route = createRouter(ctx)

  const report = (error: unknown) =>
    ctx.emit({ type: 'failed', reason: 'after the answer', error: describeError(error) })

  function callOf(request: Request, native: readonly unknown[]): Call {
    let requestId: string | undefined
    return {
      // Drawn when somebody asks: most requests end well and need none.
      get requestId() {
        requestId ??= randomId(9)
        return requestId
      },
      defer(work) {
        const settled = work.catch(report)
        // Workers end a request's work with its answer, unless they are told of more.
        const host = [request, ...native].find(waits)
        host?.waitUntil(settled)
      },
      keepOpen() {
        // Bun cuts an answer that is silent for ten seconds, as streams and slow tools are.
        native.find(cuts)?.timeout(request, 0)
      },
    }
  }

  return {
    issuer: settings.issuer,
    resources: settings.resources.map(({ id, name, target }) => ({
      id,
      name,
      ...('url' in target && { target: target.url.href }),
    })),
    fetch: (request, ...native) => route(request, callOf(request, native)),
    grants: {
      async list(user) {
        const found: GrantSummary[] = []
        for await (const { key, grant } of ctx.grants.list(user)) {
          const { client, clientName, resource, scope, createdAt, rotatedAt, expiresAt } = grant
          found.push({ ...key, client, clientName, resource, scope, createdAt, usedAt: rotatedAt, expiresAt })
        }
        return found
      },
      async revoke({ user, id }: GrantKey) {
        const key = { user, id }
        const grant = await ctx.grants.end(key)
        if (!grant) return false
        const owner = { client: grant.client, user, grant: `${user}.${id}` }
        ctx.emit({ type: 'grant-ended', ...owner, reason: 'by the operator' })
        const ended = ctx.endTokens(owner, ctx.grants.openTokens(key, grant))
        let timer: ReturnType<typeof setTimeout> | undefined
        const patience = new Promise((resolve) => {
          timer = setTimeout(resolve, OPERATOR_WAITS)
        })
        await Promise.race([ended, patience])
        clearTimeout(timer)
        return true
      },
    },
  }
}

interface Waiting {
  waitUntil(work: Promise<unknown>): void
}

const waits = (value: unknown): value is Waiting =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Waiting>).waitUntil === 'function'

interface Cutting {
  timeout(request: Request, seconds: number): void
}

const cuts = (value: unknown): value is Cutting =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Cutting>).timeout === 'function'
