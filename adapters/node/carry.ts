import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Delivery, OpenStream, Passage } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'
import { askForBody, carriesBody, collect, isSmall, isTaken, SMALL, streamed, taken } from './body.ts'
import { Collected } from './collected.ts'
import { ParsedFields, type ParsedHeaders } from './head.ts'
import { patient } from './patient.ts'
import { endWith, send } from './send.ts'
import { hasLeft, mayRepeat } from './stale.ts'

type Body = Buffer | Readable | null
type Controller = Dispatcher.DispatchController
type Editor = NonNullable<Extract<Delivery, { type: 'deliver' }>['edit']>

/**
 * Carries a request to the MCP server, and its response back to the client. Never throws.
 *
 * @param read The body, if it has been read already.
 */
export function carry(
  message: IncomingMessage,
  outgoing: ServerResponse,
  passage: Passage,
  read?: Buffer,
): void {
  if (outgoing.destroyed) {
    passage.abandoned()
    return
  }
  const carrier = new Carrier(message, outgoing, passage)
  if (read) {
    carrier.dispatch(read.length > 0 ? read : null)
  } else if (!carriesBody(message)) {
    carrier.dispatch(null)
  } else if (isTaken(message)) {
    carrier.fail(taken())
  } else {
    // If the client leaves while its body is read, the connection closes, and nothing else is to be done.
    if (isSmall(message))
      collect(
        message,
        (body) => carrier.dispatch(body),
        () => {},
      )
    else carrier.dispatch(streamed(message))
    askForBody(outgoing)
  }
}

/** One request and its response, on their way through undici. */
class Carrier implements Dispatcher.DispatchHandler {
  readonly #message: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #passage: Passage
  #body: Body = null
  #controller: Controller | undefined
  #stream: OpenStream | undefined
  #edit: Editor | undefined
  /** The body of a response that is read whole. */
  #collected: Collected | undefined
  /** Bytes of the response that are still to come. Not a number if it has no length. */
  #missing = Number.NaN
  #isAnswered = false
  /** `true` once nothing more of the MCP server's response goes to the client. */
  #isOver = false
  #isRepeated = false

  constructor(message: IncomingMessage, outgoing: ServerResponse, passage: Passage) {
    this.#message = message
    this.#outgoing = outgoing
    this.#passage = passage
    outgoing.on('close', () => this.#close())
  }

  dispatch(body: Body): void {
    if (this.#outgoing.destroyed) return
    this.#body = body
    const { method, url, headers: pairs } = this.#passage
    const slash = url.indexOf('/', url.indexOf('://') + 3)
    const [origin, path] = [url.slice(0, slash), url.slice(slash)]
    const headers: string[] = []
    for (const [name, value] of pairs) headers.push(name, value)
    const length = this.#message.headers['content-length']
    if (body !== null && length !== undefined) headers.push('content-length', length)
    try {
      patient.dispatch({ origin, path, method: method as Dispatcher.HttpMethod, headers, body }, this)
    } catch (error) {
      this.fail(error)
    }
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#outgoing.destroyed) controller.abort(hasLeft())
  }

  onResponseStart(controller: Controller, status: number, headers: ParsedHeaders): void {
    // Informational, such as 103: it is meant for this connection only.
    if (status >= 100 && status < 200) return
    this.#isAnswered = true
    const length = headers['content-length']
    if (typeof length === 'string') this.#missing = Number(length)
    const isRepeatable = this.#body === null || this.#body instanceof Buffer
    const delivery = this.#passage.answered(status, new ParsedFields(headers), isRepeatable)
    if (delivery instanceof Promise) {
      controller.pause()
      void delivery.then((later) => {
        this.#deliver(controller, later)
        controller.resume()
      })
    } else {
      this.#deliver(controller, delivery)
    }
  }

  #deliver(controller: Controller, delivery: Delivery): void {
    if (delivery.type === 'deliver') {
      this.#start(delivery)
      return
    }
    if (delivery.type === 'collect') {
      this.#collected = new Collected(delivery)
      if (this.#missing === 0) this.#finish()
      return
    }
    this.#isOver = true
    // A short body is read and dropped, so that the connection stays open for the next request.
    if (!(this.#missing <= SMALL)) controller.abort(new StatedError('The body is not needed'))
    if (delivery.type === 'replace') send(this.#outgoing, delivery.response)
    else new Carrier(this.#message, this.#outgoing, delivery.passage).dispatch(this.#body)
  }

  #start({ status, headers, stream, edit }: Extract<Delivery, { type: 'deliver' }>): void {
    const outgoing = this.#outgoing
    if (outgoing.destroyed) {
      stream?.closed()
      return
    }
    const list: string[] = []
    for (const [name, value] of headers) list.push(name, value)
    this.#stream = stream
    this.#edit = edit
    // A slow reader of the response must not keep it in memory.
    this.#body = null
    try {
      outgoing.writeHead(status, list)
    } catch (error) {
      outgoing.destroy(error as Error)
    }
    if (status === 204 || status === 304 || outgoing.req.method === 'HEAD') {
      // undici takes the length of a 304 for that of a body.
      this.#end()
    } else if (stream) {
      outgoing.flushHeaders()
      stream.onEnd(() => this.#end())
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isOver) return
    const outgoing = this.#outgoing
    this.#missing -= chunk.length
    if (this.#collected) {
      if (!this.#collected.push(chunk)) this.#finish(true, controller)
      else if (this.#missing === 0) this.#finish()
    } else if (this.#edit) {
      const changed = this.#edit.push(chunk)
      if (this.#missing === 0) this.#end(changed)
      else if (changed.length > 0) this.#write(controller, changed)
    } else if (this.#missing === 0) {
      this.#isOver = true
      endWith(outgoing, chunk)
    } else {
      this.#write(controller, chunk)
    }
  }

  #write(controller: Controller, chunk: Uint8Array): void {
    const outgoing = this.#outgoing
    if (!outgoing.write(chunk)) {
      controller.pause()
      outgoing.once('drain', () => controller.resume())
    }
  }

  /** Sends the response that is made of a whole body. */
  #finish(isBroken = false, controller?: Controller): void {
    this.#isOver = true
    controller?.abort(new StatedError('The body is too large'))
    const response = this.#collected!.respond(isBroken)
    if (!this.#outgoing.destroyed) send(this.#outgoing, response)
  }

  onResponseEnd(): void {
    this.#controller = undefined
    if (this.#isOver) return
    if (this.#collected) this.#finish()
    else this.#end()
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#controller = undefined
    if (this.#isOver || this.#outgoing.destroyed) return
    if (this.#collected) this.#finish(true)
    else if (this.#outgoing.headersSent) {
      this.#passage.brokeOff(error)
      this.#outgoing.destroy()
    } else if (this.#isStale(error)) {
      this.#isRepeated = true
      this.dispatch(null)
    } else this.fail(error)
  }

  /** Returns whether the MCP server closed a kept connection at the moment of a request that may be sent again. */
  #isStale(error: Error): boolean {
    if (this.#isRepeated || this.#isAnswered || this.#body !== null) return false
    return mayRepeat(this.#passage.method, error)
  }

  /** Responds to a request that got no response. */
  fail(error: unknown): void {
    if (this.#isAnswered || this.#outgoing.destroyed) return
    this.#isAnswered = true
    this.#isOver = true
    send(this.#outgoing, this.#passage.failed(error))
  }

  /** Ends the response as the MCP server might. @param last What is still to be sent. */
  #end(last?: Uint8Array): void {
    this.#isOver = true
    if (last && last.length > 0) this.#outgoing.write(last)
    const rest = this.#edit?.end()
    if (rest && rest.length > 0) this.#outgoing.end(rest)
    else this.#outgoing.end()
  }

  /** Cleans up after the client got all of the response, or left. */
  #close(): void {
    this.#isOver = true
    this.#controller?.abort(hasLeft())
    this.#stream?.closed()
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#passage.abandoned()
  }
}
