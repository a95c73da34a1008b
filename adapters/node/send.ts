import type { ServerResponse } from 'node:http'
import { isEventStream } from '../../src/internal.ts'
import { isWaiting } from './body.ts'

/** Bodies up to this many bytes leave in one write with their head. */
const SMALL = 16_384

/**
 * Sends a response. Never throws: a body that fails cuts the connection, because the head is out already.
 *
 * The headers of an event stream go at once, because its first event may be minutes away.
 */
export function send(outgoing: ServerResponse, response: Response): void {
  const { status, headers, body } = response
  if (outgoing.destroyed) {
    discard(body)
    return
  }
  const list: string[] = []
  headers.forEach((value, name) => void list.push(name, value))
  // The body may follow or not, so that this connection can carry no further request.
  if (isWaiting(outgoing)) outgoing.shouldKeepAlive = false
  try {
    if (body === null || outgoing.req.method === 'HEAD') {
      outgoing.writeHead(status, list).end()
      discard(body)
    } else {
      if (isEventStream(headers.get('content-type'))) outgoing.writeHead(status, list).flushHeaders()
      new Pump(body, outgoing, status, list).read()
    }
  } catch (error) {
    outgoing.destroy(error as Error)
    discard(body)
  }
}

const discard = (body: ReadableStream | null): void => {
  body?.cancel().catch(() => {})
}

/** Moves a body, chunk by chunk, as fast as the client reads it. */
class Pump {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #outgoing: ServerResponse
  readonly #status: number
  readonly #headers: string[]
  /** The first chunk, until it is known whether it is the only one. */
  #held: Uint8Array | undefined

  constructor(body: ReadableStream<Uint8Array>, outgoing: ServerResponse, status: number, headers: string[]) {
    this.#reader = body.getReader()
    this.#outgoing = outgoing
    this.#status = status
    this.#headers = headers
    outgoing.once('close', () => this.#reader.cancel().catch(() => {}))
  }

  read(): void {
    this.#reader
      .read()
      .then(({ done, value }) => {
        if (this.#outgoing.destroyed) return
        if (done) this.#end()
        else this.#take(value)
      })
      .catch(() => this.#outgoing.destroy())
  }

  #take(chunk: Uint8Array): void {
    const outgoing = this.#outgoing
    if (!outgoing.headersSent && this.#held === undefined) {
      this.#held = chunk
      // The end of a body that is complete comes in the same turn.
      process.nextTick(() => this.#release())
      this.read()
    } else {
      this.#release()
      if (outgoing.write(chunk)) this.read()
      else outgoing.once('drain', () => this.read())
    }
  }

  #release(): void {
    const chunk = this.#held
    this.#held = undefined
    if (chunk === undefined || this.#outgoing.destroyed) return
    this.#outgoing.writeHead(this.#status, this.#headers).write(chunk)
  }

  #end(): void {
    const outgoing = this.#outgoing
    const chunk = this.#held
    this.#held = undefined
    if (!outgoing.headersSent) {
      const headers = this.#headers
      if (!headers.includes('content-length')) headers.push('content-length', String(chunk?.length ?? 0))
      outgoing.writeHead(this.#status, headers)
    }
    endWith(outgoing, chunk)
  }
}

/** Sends the last chunk. A small one joins the head in one string: two buffers cost a second write. */
export function endWith(outgoing: ServerResponse, chunk: Uint8Array | undefined): void {
  if (chunk === undefined || chunk.length === 0) outgoing.end()
  else if (chunk.length > SMALL) outgoing.end(chunk)
  else outgoing.end(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'), 'latin1')
}
