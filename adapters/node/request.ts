import type { IncomingMessage, ServerResponse } from 'node:http'
import { askForBody, carriesBody, collect, isTaken, streamOf } from './body.ts'
import { ParsedFields, pairsOf, urlOf } from './head.ts'

/** Returns a request whose body has been read. */
function withBody(message: IncomingMessage, outgoing: ServerResponse, target: string, read: Buffer): Request {
  return new Request(urlOf(message, target), {
    method: message.method ?? 'GET',
    headers: pairsOf(new ParsedFields(message.headers)),
    body: read.length > 0 ? (read as Uint8Array<ArrayBuffer>) : null,
    signal: signalOf(outgoing),
  })
}

/**
 * Returns a request that a handler may read, copy, or fetch with. Its signal aborts when the client leaves before the
 * response is complete.
 *
 * @param read The body, if it has been read already.
 * @throws {TypeError} For a method that no `Request` may have, such as TRACE.
 */
export const toRequest = (
  message: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
  read?: Buffer,
): Request =>
  read
    ? withBody(message, outgoing, target, read)
    : IS_LAZY
      ? (new LazyRequest(message, outgoing, target) as unknown as Request)
      : toNative(message, outgoing, target)

function toNative(
  message: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
  headers: HeadersInit = pairsOf(new ParsedFields(message.headers)),
): Request {
  const init: RequestInit & { duplex: 'half' } = {
    method: message.method ?? 'GET',
    headers,
    body: carriesBody(message) ? streamOf(message, outgoing) : null,
    signal: signalOf(outgoing),
    duplex: 'half',
  }
  return new Request(urlOf(message, target), init)
}

function signalOf(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController()
  const leave = () => {
    if (!outgoing.writableEnded) gone.abort()
  }
  if (outgoing.destroyed) leave()
  else outgoing.once('close', leave)
  return gone.signal
}

/** Properties under which Node keeps the inside of a `Request`. Since Node 24 there are none: it has private fields. */
const SLOTS = Object.getOwnPropertySymbols(new Request('http://localhost'))

const decoder = new TextDecoder()

/**
 * A request that becomes Node's own only if a program needs more of it than its address, headers and text. That saves
 * half of what a request to a handler costs. Everything inherited from `Request`, and `new Request(lazy)` or
 * `fetch(lazy)`, finds the inside of a real one through the slots.
 */
class LazyRequest {
  readonly #message: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #target: string
  #native: Request | undefined
  #url: string | undefined
  #headers: Headers | undefined
  #isRead = false

  constructor(message: IncomingMessage, outgoing: ServerResponse, target: string) {
    this.#message = message
    this.#outgoing = outgoing
    this.#target = target
  }

  /** Builds the real request. */
  native(): Request {
    if (this.#native) return this.#native
    if (this.#isRead) {
      // Its body must count as used.
      const { method, url, headers } = this
      this.#native = new Request(url, { method, headers, body: 'used' })
      void this.#native.text()
    } else {
      this.#native = toNative(this.#message, this.#outgoing, this.#target, this.#headers)
    }
    return this.#native
  }

  get method(): string {
    return this.#message.method ?? 'GET'
  }

  get url(): string {
    this.#url ??= new URL(urlOf(this.#message, this.#target)).href
    return this.#url
  }

  get headers(): Headers {
    if (this.#native) return this.#native.headers
    this.#headers ??= new Headers(pairsOf(new ParsedFields(this.#message.headers)))
    return this.#headers
  }

  get bodyUsed(): boolean {
    return this.#isRead || (this.#native?.bodyUsed ?? false)
  }

  async text(): Promise<string> {
    if (this.#native || this.bodyUsed || !carriesBody(this.#message) || isTaken(this.#message)) {
      return this.native().text()
    }
    this.#isRead = true
    const body = await new Promise<Buffer>((resolve, reject) => {
      collect(this.#message, resolve, reject)
      askForBody(this.#outgoing)
    })
    return decoder.decode(body)
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
}

/** Whether this Node keeps the inside of a `Request` where {@link LazyRequest} can supply it. */
const IS_LAZY = SLOTS.length > 0 && isCopied()

Object.setPrototypeOf(LazyRequest.prototype, Request.prototype)
for (const slot of SLOTS) {
  Object.defineProperty(LazyRequest.prototype, slot, {
    get(this: LazyRequest) {
      return (this.native() as unknown as Record<symbol, unknown>)[slot]
    },
  })
}

/** Tries it out. */
function isCopied(): boolean {
  const real = new Request('http://localhost/copied', { method: 'POST', body: 'a', headers: { a: 'b' } })
  const stand = Object.create(Request.prototype) as Record<symbol, unknown>
  for (const slot of SLOTS) stand[slot] = (real as unknown as Record<symbol, unknown>)[slot]
  try {
    const copy = new Request(stand as unknown as Request)
    return copy.url === real.url && copy.method === 'POST' && copy.headers.get('a') === 'b' && real.bodyUsed
  } catch {
    return false
  }
}
