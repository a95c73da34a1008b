import type { Context } from '../context.ts'
import { errorText, OAuthError } from '../errors.ts'
import type { EventBase } from '../events/event.ts'
import { refusal } from '../events/refusal.ts'
import type { Verdict } from '../forward/passage.ts'
import type { InvalidSession } from '../forward/sessions.ts'
import type { Admission } from '../guard/admission.ts'
import { allowOrigin } from '../http/cors.ts'
import { JSON_HEADERS, json, page } from '../http/responses.ts'
import type { Resource } from '../options/options.ts'
import { bearerChallenge } from '../protocol/challenge.ts'
import { wantsPage } from '../protocol/mcp-request.ts'
import { failureResponse } from './failure.ts'
import { home } from './home.ts'
import type { Visit } from './mcp-visit.ts'
import { metadataUrlFor } from './resource-metadata.ts'

/** The subject of an event about a request to a protected resource. */
export interface Subject extends Omit<EventBase, 'time'> {
  readonly endpoint: string
  readonly resource: string
}

/** The refusals of one protected resource, each with its event. */
export interface Refusals {
  /** Returns the members of an event that name its subject. */
  about(admission: Admission | undefined): Subject
  /**
   * Sends a client without credentials to the metadata, and a browser to a page that says how to connect.
   *
   * @param scope The scopes that its action needs. By default those of a client that requests none.
   */
  introduce(visit: Visit, scope?: readonly string[]): Response
  /** Tells a client without a token that there is no stream to listen to. */
  noStream(visit: Visit): Response
  /** Returns the verdict for an error. Counts an invalid token against the address: many of them become 429. */
  refuse(visit: Visit, thrown: unknown, admission?: Admission): Verdict | Promise<Verdict>
  /** Returns the response for an error. */
  respond(visit: Visit, thrown: unknown, admission: Admission | undefined): Response
  /** Returns the response for a session that does not exist, or is another user's. Clients then start a new one. */
  noSession(visit: Visit, admission: Admission, reason: InvalidSession): Response
  /** Translates the MCP server's challenge for scopes: those that exist here, and always our metadata. */
  missingScopes(visit: Visit, scope: string | undefined): string
}

export function createRefusals(resource: Resource, ctx: Context): Refusals {
  const { settings, limits } = ctx

  const about = (caller: Admission | undefined) => {
    const admission = caller?.isAnonymous ? undefined : caller
    return {
      endpoint: resource.path,
      resource: resource.id,
      client: admission?.auth.clientId,
      clientName: admission?.clientName,
      user: admission?.auth.user.id,
      grant: admission?.grant,
      provider: admission?.provider,
    }
  }

  /** The challenges of errors that were made once. A flood of invalid tokens would pay for each again. */
  const known = new WeakMap<OAuthError, Challenge>()

  function challengeFor(path: string, error: OAuthError): Challenge {
    const before = known.get(error)
    if (before?.path === path) return before
    const made = challengeOf(resource, path, error)
    if (Object.isFrozen(error)) known.set(error, made)
    return made
  }

  function respond(visit: Visit, thrown: unknown, admission: Admission | undefined): Response {
    const { head, call, origin } = visit
    if (!(thrown instanceof OAuthError)) {
      return failureResponse(thrown, head, resource.path, 'program', ctx, call)
    }
    if (call.isHeard || thrown.status >= 500) call.emit({ ...refusal(thrown), ...about(admission) })
    const response = respondWith(challengeFor(head.path, thrown))
    return origin === null ? response : allowOrigin(response, origin)
  }

  return {
    about,
    respond,
    introduce({ head, origin }, scope = []) {
      const needed = scope.length > 0 ? [...new Set([...resource.scopes, ...scope])] : undefined
      const bare = respondWith(challengeOf(resource, head.path, undefined, needed))
      const response = wantsPage(head) ? page(home(head, ctx, resource.name, [resource]), 401) : bare
      if (response !== bare) for (const [name, value] of bare.headers) response.headers.set(name, value)
      return origin === null ? response : allowOrigin(response, origin)
    },
    noStream({ origin }) {
      const response = json(
        { error: 'invalid_request', error_description: 'Without a token there is no stream to listen to' },
        405,
        { allow: 'POST, DELETE, OPTIONS' },
      )
      return origin === null ? response : allowOrigin(response, origin)
    },
    refuse(visit, thrown, admission) {
      const refused = (error: unknown): Verdict => ({
        type: 'answer',
        response: respond(visit, error, admission),
      })
      if (!(thrown instanceof OAuthError) || thrown.code !== 'invalid_token') return refused(thrown)
      try {
        const counted = limits.tokenFailed(visit.call.address())
        return counted instanceof Promise ? counted.then(() => refused(thrown), refused) : refused(thrown)
      } catch (error) {
        return refused(error)
      }
    },
    noSession({ call, origin }, admission, reason) {
      call.emit({ type: 'refused', reason, ...about(admission) })
      const error = { code: -32_001, message: 'Session not found' }
      const response = json({ jsonrpc: '2.0', error, id: null }, 404)
      return origin === null ? response : allowOrigin(response, origin)
    },
    missingScopes({ head }, scope) {
      const known = scope?.split(' ').filter((name) => Object.hasOwn(settings.scopes, name)) ?? []
      return bearerChallenge({
        resourceMetadata: metadataUrlFor(resource, head.path),
        scope: known.length > 0 ? known : resource.scopes,
        error: 'insufficient_scope',
      })
    },
  }
}

/** A refusal that a client can act on. */
interface Challenge {
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** Describes the refusal of a request. Only failures of the token carry a challenge. */
function challengeOf(
  resource: Resource,
  path: string,
  error?: OAuthError,
  scope: readonly string[] | undefined = error?.scope,
): Challenge {
  // The sign-in at the provider has ended: for this client the token has.
  const code = error?.code === 'invalid_grant' ? 'invalid_token' : error?.code
  const named =
    code === undefined ||
    code === 'invalid_request' ||
    code === 'invalid_token' ||
    code === 'insufficient_scope'
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (named) {
    headers['www-authenticate'] = bearerChallenge({
      resourceMetadata: metadataUrlFor(resource, path),
      scope: scope ?? (code === 'insufficient_scope' ? resource.scopes : resource.defaultScope),
      error: code,
      description: error?.message,
    })
  }
  if (error?.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter)
  if (!error) return { path, status: 401, headers, body: null }
  const status = code === 'invalid_token' ? 401 : error.status
  const body = JSON.stringify({ error: code, error_description: errorText(error.message) })
  return { path, status, headers: { ...JSON_HEADERS, ...headers }, body }
}

const respondWith = ({ status, headers, body }: Challenge): Response =>
  new Response(body, { status, headers })
