import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Inspection, OAuthProxy, UnreadBody, Verdict } from '../../src/index.ts'
import { askForBody, carriesBody, collectBounded, isTaken } from './body.ts'
import { carry } from './carry.ts'
import { MessageHead } from './head.ts'
import { toRequest } from './request.ts'
import { send } from './send.ts'

/** The part of a proxy that serves requests. Without `admit`, every request takes the slower way through `fetch`. */
export type Handling = Pick<OAuthProxy, 'fetch'> & Partial<Pick<OAuthProxy, 'admit'>>

/** The methods that no `Request` may have (Fetch standard, forbidden methods). No endpoint has them. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** As the endpoints respond. */
const methodNotAllowed = () =>
  Response.json(
    { error: 'invalid_request', error_description: 'The method is not allowed' },
    { status: 405, headers: { 'cache-control': 'no-store' } },
  )

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

const OTHER_VERSION =
  'Lockgate speaks HTTP/1.1. For HTTP/2, put a server in front that speaks HTTP/1.1 to Lockgate.'

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
    read?: Buffer,
  ): void {
    try {
      handle(toRequest(message, outgoing, target, read)).then(
        (response) => send(outgoing, response),
        () => fail(outgoing),
      )
    } catch {
      send(outgoing, new Response(null, { status: 400 }))
    }
  }

  /** Reads the body of a request, and acts by the verdict about it. */
  function inspect(
    message: IncomingMessage,
    outgoing: ServerResponse,
    inspection: Inspection,
    act: (verdict: Verdict, read: Buffer) => void,
  ): void {
    const judged = (body: Buffer | UnreadBody): void => {
      const read = typeof body === 'string' ? Buffer.alloc(0) : body
      const verdict = inspection.judge(body)
      if (verdict instanceof Promise)
        verdict.then(
          (one) => act(one, read),
          () => fail(outgoing),
        )
      else act(verdict, read)
    }
    if (outgoing.destroyed) inspection.abandoned()
    else if (!carriesBody(message)) judged(Buffer.alloc(0))
    else if (isTaken(message)) {
      inspection.abandoned()
      fail(outgoing)
    } else {
      collectBounded(message, inspection, judged)
      askForBody(outgoing)
    }
  }

  return (message, outgoing) => {
    if (message.httpVersionMajor > 1) return send(outgoing, new Response(OTHER_VERSION, { status: 505 }))
    const target = message.url ?? '/'
    const native = new Native(message, work)
    const act = (verdict: Verdict, read?: Buffer): void => {
      if (verdict.type === 'forward') carry(message, outgoing, verdict.passage, read)
      else if (verdict.type === 'answer') send(outgoing, verdict.response)
      else if (verdict.type === 'inspect') inspect(message, outgoing, verdict, act)
      else respond(message, outgoing, target, (request) => verdict.handle(request), read)
    }
    const verdict = proxy.admit?.(new MessageHead(message, target), native)
    if (verdict === undefined && FORBIDDEN.has(message.method ?? '')) send(outgoing, methodNotAllowed())
    else if (verdict === undefined)
      respond(message, outgoing, target, (request) => proxy.fetch(request, native))
    else if (verdict instanceof Promise) verdict.then(act, () => fail(outgoing))
    else act(verdict)
  }
}
