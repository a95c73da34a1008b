import type { OAuthError } from '../errors.ts'
import { endable, isEventStream } from '../forward/endable.ts'
import type { Reshape } from '../forward/reshape.ts'
import type { Session } from '../forward/sessions.ts'
import type { Exchange } from '../forward/streams.ts'
import type { Admission } from '../guard/admission.ts'
import { allowOrigin } from '../http/cors.ts'
import type { McpHandler } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { RpcBody } from '../protocol/json-rpc.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import {
  assertValid,
  authFor,
  forHandler,
  handlerRefusal,
  type Refused,
  reshapeResponse,
  withoutBody,
  withSession,
} from './mcp-handler.ts'
import type { Visit } from './mcp-visit.ts'

/** An admitted request, with its messages if it was inspected. */
export interface Passing {
  readonly visit: Visit
  readonly admission: Admission
  readonly body: RpcBody | undefined
}

/** The parts that all requests for one MCP server in this process share. */
export interface HandlerServer {
  readonly handler: McpHandler
  readonly resource: Resource
  readonly scopes: ScopeTable
  /** Headers of signed identities, in lower case. */
  readonly assertionHeaders: readonly string[]
  /** Returns the way to change or watch the response. */
  reshapeFor(passing: Passing): Reshape | undefined
  listens(passing: Passing): boolean
  /** @param began The time by `performance.now()`. */
  report(passing: Passing, status: number, began: number): void
  respond(visit: Visit, error: unknown, admission: Admission): Response
}

/** Promises of another realm are no instances of `Promise` here. */
const isThenable = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as Partial<Promise<T>>).then === 'function'

/**
 * A verdict that an MCP server in this process responds. One object serves a request, because closures cost each request more.
 * Its members are private, so that a gateway that prints its verdicts prints no token.
 */
export class Handling implements Refused {
  readonly type = 'handle'
  error: OAuthError | undefined
  readonly #server: HandlerServer
  readonly #passing: Passing
  readonly #session: Session
  readonly #exchange: Exchange
  #reshape: Reshape | undefined
  #began = 0
  #isHandled = false

  constructor(server: HandlerServer, passing: Passing, session: Session, exchange: Exchange) {
    this.error = undefined
    this.#server = server
    this.#passing = passing
    this.#session = session
    this.#exchange = exchange
    this.#reshape = undefined
  }

  /** Returns the response. Never rejects. It is not `async`, because each request would pay for the frame. */
  handle(request: Request): Promise<Response> {
    const { handler, resource, scopes, assertionHeaders } = this.#server
    const { visit, admission } = this.#passing
    const { call, head } = visit
    // It is counted once as open, so that it can be handled once.
    if (this.#isHandled) return Promise.resolve(this.#refuse(new TypeError('It was handled before')))
    this.#isHandled = true
    try {
      if (call.isHeard) this.#began = performance.now()
      this.#reshape = this.#server.reshapeFor(this.#passing)
      const asked = forHandler(request, head.headers, this.#session, assertionHeaders)
      const answered = handler(asked, authFor(admission, resource, scopes, this))
      if (!isThenable(answered)) return Promise.resolve(this.#answered(answered))
      // Some promises of libraries settle twice, or return nothing.
      return Promise.resolve(answered).then(
        (response) => this.#answered(response),
        (error) => this.#failHandler(error),
      )
    } catch (error) {
      return Promise.resolve(this.#failHandler(error))
    }
  }

  #answered(response: Response): Response | Promise<Response> {
    try {
      assertValid(response)
    } catch (error) {
      return this.#failHandler(error)
    }
    try {
      return this.#finish(withSession(response, this.#session))
    } catch (error) {
      return this.#fail(error)
    }
  }

  #finish(response: Response): Response | Promise<Response> {
    const reshape = this.#reshape
    const { call, head } = this.#passing.visit
    // A server drops the body of a response to HEAD without a word, so that it would count as open for ever.
    if (head.method === 'HEAD') response = withoutBody(response)
    // The body last, because Bun makes its stream when it is read.
    const isStream = isEventStream(response.headers.get('content-type')) && response.body !== null
    if (this.error && !isStream) {
      response.body?.cancel().catch(() => {})
      throw this.error
    }
    if (call.isHeard) this.#server.report(this.#passing, response.status, this.#began)
    if (!isStream && !reshape) {
      this.#exchange.closed()
      return this.#open(response)
    }
    const stream = this.#exchange.stream(this.#server.listens(this.#passing))
    if (!reshape) return this.#open(new Response(endable(response.body!, stream), response))
    return reshapeResponse(reshape, response, { isStream, stream })
      .then((changed) => this.#open(changed))
      .catch((error: unknown) => this.#fail(error))
  }

  /** Lets the page that calls read the response. */
  #open(response: Response): Response {
    const { origin } = this.#passing.visit
    // The headers of a response that came from `fetch` cannot be changed.
    return origin === null ? response : allowOrigin(new Response(response.body, response), origin)
  }

  /** @param cause The exception of the handler. After a refusal by `auth.require`, the refusal counts. */
  #failHandler(cause: unknown): Response {
    return this.#fail(this.error ?? handlerRefusal(cause))
  }

  #fail(error: unknown): Response {
    this.#exchange.closed()
    this.#reshape?.over?.()
    return this.#refuse(error)
  }

  #refuse(error: unknown): Response {
    const { visit, admission } = this.#passing
    return this.#server.respond(visit, error, admission)
  }
}
