import { hasOtherCharset } from '../http/body.ts'
import type { HeaderFields } from '../http/head.ts'
import { createEventEditor, type Editor } from './editor.ts'
import type { OpenStream } from './passage.ts'

/** Changes the messages of a response on their way, or looks at them. */
export interface Reshape {
  /** Returns whether a body that is no event stream has to be read whole, because it may hold a list. */
  whole(status: number): boolean
  /** `true` if messages are changed, so that no cache may keep them. */
  readonly changes: boolean
  /** Returns a whole body as the client may see it, or `undefined` if it cannot be read. */
  text(text: string): string | undefined
  /** Returns the data of an event as the client may see it, or `undefined` to drop the event. */
  event(data: string): string | undefined
  /** Returns an editor that looks at a body which is neither a stream nor read whole. Absent: it is not looked at. */
  watch?(): Editor
  /** Tells the status of the response. */
  answered?(status: number): void
  /** Tells that the response is over, complete or not. May be called more than once. */
  over?(): void
}

/** Bytes of the largest response that is read whole. */
export const LARGEST_LIST: number = 8 * 1024 * 1024

/** Headers that describe the bytes of the original body. */
const OF_THE_BODY =
  /^(content-(length|encoding|md5|digest)|etag|digest|repr-digest|accept-ranges|last-modified|cache-control)$/

/** Returns the headers of a body that was changed. */
export const reshapedHeaders = (headers: readonly (readonly [string, string])[]): [string, string][] => [
  ...(headers.filter(([name]) => !OF_THE_BODY.test(name)) as [string, string][]),
  ['cache-control', 'private, no-store'],
]

/** Returns an editor for an event stream. */
export const streamEditor = ({ event }: Reshape): Editor => createEventEditor(event)

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Returns a whole body as the client may see it. `undefined` means that it cannot be read, so that it must not be sent:
 * it may hold what the client may not see.
 */
export function reshapeBody(
  { text }: Reshape,
  body: Uint8Array | undefined,
  headers: HeaderFields,
): Uint8Array<ArrayBuffer> | undefined {
  if (hasOtherCharset(headers.get('content-type') ?? '')) return undefined
  if (body === undefined || /[^\s]/.test(headers.get('content-encoding')?.replace(/identity/i, '') ?? ''))
    return undefined
  if (body.length === 0) return new Uint8Array()
  try {
    const changed = text(decoder.decode(body))
    return changed === undefined ? undefined : new TextEncoder().encode(changed)
  } catch {
    return undefined
  }
}

/** Returns a stream whose end is also told to those who look at its messages. */
export const tracked = ({ onEnd, closed }: OpenStream, reshape: Reshape): OpenStream => ({
  onEnd,
  closed() {
    reshape.over?.()
    closed()
  },
})
