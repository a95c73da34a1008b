import type { IncomingMessage, ServerResponse } from 'node:http'
import { StatedError } from '../../src/internal.ts'

/** Responses to requests whose client waits for `100 Continue` before it sends the body. */
const waiting = new WeakSet<ServerResponse>()

/** Notes that the client waits for `100 Continue`. @see [RFC 9110 §10.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1) */
export const awaitContinue = (outgoing: ServerResponse): void => void waiting.add(outgoing)

/** Lets a client that waits send its body. Call it before reading. */
export function askForBody(outgoing: ServerResponse): void {
  if (waiting.delete(outgoing)) outgoing.writeContinue()
}

/** Returns whether the client still waits, so that its body may or may not follow the response. */
export const isWaiting = (outgoing: ServerResponse): boolean => waiting.has(outgoing)

/** Returns whether a body follows the head. @see [RFC 9112 §6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3) */
export function carriesBody({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Returns whether another program, such as a body parser of Express, has taken the body. */
export const isTaken = (message: IncomingMessage): boolean =>
  message.readableDidRead || message.readableEnded || message.destroyed

export const taken = (): TypeError =>
  new StatedError('The body of the request has already been read: mount Lockgate before body parsers')

/** Reads a whole body. Without a promise, because every call of an MCP server has one. */
export function collect(
  message: IncomingMessage,
  done: (body: Buffer) => void,
  fail: (error: Error) => void,
): void {
  let first: Buffer | undefined
  let chunks: Buffer[] | undefined
  message.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else if (chunks) chunks.push(chunk)
    else chunks = [first, chunk]
  })
  message.on('end', () => done(chunks ? Buffer.concat(chunks) : (first ?? Buffer.alloc(0))))
  message.on('error', fail)
}

/** Returns a body as a stream. Nothing is read from the connection before the stream is read. */
export function streamOf(message: IncomingMessage, outgoing: ServerResponse): ReadableStream<Uint8Array> {
  let isBegun = false
  function begin(controller: ReadableStreamDefaultController<Uint8Array>): void {
    isBegun = true
    if (isTaken(message)) {
      controller.error(taken())
      return
    }
    message.on('data', (chunk: Buffer) => {
      controller.enqueue(chunk)
      if ((controller.desiredSize ?? 0) <= 0) message.pause()
    })
    message.on('end', () => controller.close())
    message.on('error', (error) => controller.error(error))
    askForBody(outgoing)
  }
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (isBegun) message.resume()
        else begin(controller)
      },
      cancel() {
        // The rest is dropped, so that the connection can carry the next request.
        if (isBegun) message.removeAllListeners('data').removeAllListeners('end').resume()
      },
    },
    { highWaterMark: 0 },
  )
}
