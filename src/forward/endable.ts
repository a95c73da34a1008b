import type { OpenStream } from './passage.ts'

/**
 * Returns the same stream, which ends early if `stream` is ended, and which tells when it is over.
 *
 * @param brokeOff Called if the stream fails.
 */
export function endable<Chunk>(
  body: ReadableStream<Chunk>,
  stream: OpenStream,
  brokeOff: (cause: unknown) => void = () => {},
): ReadableStream<Chunk> {
  const reader = body.getReader()
  let over = false
  const close = () => {
    over = true
    stream.closed()
  }
  return new ReadableStream<Chunk>({
    start(controller) {
      stream.onEnd(() => {
        if (over) return
        close()
        controller.close()
        reader.cancel().catch(() => {})
      })
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (over) return
        if (!done) return controller.enqueue(value)
        close()
        controller.close()
      } catch (error) {
        if (over) return
        close()
        brokeOff(error)
        controller.error(error)
      }
    },
    cancel(reason) {
      close()
      return reader.cancel(reason)
    },
  })
}

/**
 * Returns whether a response is an event stream, or may be one to a client: some look for the name anywhere, and some read
 * the last of several types.
 */
export const isEventStream = (contentType: string | null): boolean =>
  contentType !== null && contentType !== JSON_TYPE && /text\/event-stream/i.test(contentType)

/** Returns whether every client reads a type as that of an event stream. */
export const isSurelyEventStream = (contentType: string | null): boolean =>
  contentType !== null && /^\s*text\/event-stream\s*(;[^,]*)?$/i.test(contentType)

/** Nearly every other response. */
const JSON_TYPE = 'application/json'
