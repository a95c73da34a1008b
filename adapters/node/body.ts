import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import type { Inspection, UnreadBody } from '../../src/index.ts'
import { ms, StatedError } from '../../src/internal.ts'

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

/** Reads the body of a request for an {@link Inspection}: at most `limit` bytes, within the deadline. */
export function collectBounded(
  message: IncomingMessage,
  { limit, hold, abandoned }: Pick<Inspection, 'limit' | 'hold' | 'abandoned'>,
  done: (body: Buffer | UnreadBody) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  const stop = () => {
    clearTimeout(timer)
    message.off('data', onData).off('end', onEnd).off('close', onClose)
  }
  const finish = (body: Buffer | UnreadBody) => {
    stop()
    // The rest is dropped.
    if (typeof body === 'string') {
      chunks.length = 0
      message.resume()
    }
    done(body)
  }
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size > limit) finish('too-large')
    else if (!hold(chunk.length)) finish('no-room')
    else chunks.push(chunk)
  }
  const onEnd = () => finish(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  const onClose = () => {
    stop()
    abandoned()
  }
  const timer = setTimeout(() => finish('too-slow'), ms.inspectedBody)
  timer.unref()
  if (Number(message.headers['content-length']) > limit) {
    finish('too-large')
    return
  }
  message.on('data', onData).on('end', onEnd).on('close', onClose)
  // If the client leaves while its body is read, the connection closes, and nothing else is to be done.
  message.on('error', () => {})
}

/** Bytes of a body that is read before it is sent on. It can then be sent again, and costs one write. */
export const SMALL = 65_536

export const isSmall = ({ headers }: IncomingMessage): boolean => Number(headers['content-length']) <= SMALL

/** undici destroys a body that it needs no longer. With a message of Node's, it would cut the client's connection. */
export function streamed(message: IncomingMessage): Readable {
  const body = message.pipe(new PassThrough())
  message.on('error', (error) => body.destroy(error))
  // After an early response, the rest of the body is dropped.
  body.on('close', () => message.unpipe(body).resume())
  return body
}
