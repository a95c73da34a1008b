import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OAuthProxy, Verdict } from '../../src/index.ts'
import { carry } from './carry.ts'
import { MessageHead } from './head.ts'
import { toRequest } from './request.ts'
import { send } from './send.ts'

/** The part of a proxy that serves requests. Without `admit`, every request takes the slower way through `fetch`. */
export type Handling = Pick<OAuthProxy, 'fetch'> & Partial<Pick<OAuthProxy, 'admit'>>

/** The methods that no `Request` may have (Fetch standard, forbidden methods). No endpoint has them. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** A request as Node received it, as the proxy sees it in addition to the `Request`. */
export interface NodeNative {
  /** The address of the other end of the connection. */
  readonly ip: string | undefined
  readonly message: IncomingMessage
  /** Keeps the server from closing before `work` has ended. */
  waitUntil(work: Promise<unknown>): void
}

class Native implements NodeNative {
  readonly message: IncomingMessage
  readonly #work: Set<Promise<unknown>>

  constructor(message: IncomingMessage, work: Set<Promise<unknown>>) {
    this.message = message
    this.#work = work
  }

  get ip(): string | undefined {
    return this.message.socket.remoteAddress
  }

  waitUntil(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => this.#work.delete(settled))
    this.#work.add(settled)
  }
}

/**
 * Returns a handler for `node:http`. The proxy judges each request by its head. Then the bodies go by Node's own means,
 * and only a handler in the process gets a `Request`.
 *
 * @param work Collects what goes on after a response.
 */
export function createHandler(
  proxy: Handling,
  work: Set<Promise<unknown>>,
): (message: IncomingMessage, outgoing: ServerResponse) => void {
  const fail = (outgoing: ServerResponse) => send(outgoing, new Response(null, { status: 500 }))

  function respond(
    message: IncomingMessage,
    outgoing: ServerResponse,
    target: string,
    handle: (request: Request) => Promise<Response>,
  ): void {
    try {
      handle(toRequest(message, outgoing, target)).then(
        (response) => send(outgoing, response),
        () => fail(outgoing),
      )
    } catch {
      send(outgoing, new Response(null, { status: 400 }))
    }
  }

  return (message, outgoing) => {
    const target = message.url ?? '/'
    const native = new Native(message, work)
    const act = (verdict: Verdict): void => {
      if (verdict.type === 'forward') carry(message, outgoing, verdict.passage)
      else if (verdict.type === 'answer') send(outgoing, verdict.response)
      else respond(message, outgoing, target, (request) => verdict.handle(request))
    }
    const verdict = proxy.admit?.(new MessageHead(message, target), native)
    if (verdict === undefined && FORBIDDEN.has(message.method ?? ''))
      send(outgoing, new Response(null, { status: 405 }))
    else if (verdict === undefined)
      respond(message, outgoing, target, (request) => proxy.fetch(request, native))
    else if (verdict instanceof Promise) verdict.then(act, () => fail(outgoing))
    else act(verdict)
  }
}
