import { StatedError } from '../errors.ts'
import { BodyTooLarge, readBytes } from '../http/capped-body.ts'
import { ms } from '../timing.ts'
import type { Inspection, UnreadBody } from './passage.ts'

/** Reads the body of a request for {@link Inspection.judge}. */
export async function readForJudge(
  request: Request,
  { limit, hold }: Pick<Inspection, 'limit' | 'hold'>,
): Promise<Uint8Array<ArrayBuffer> | UnreadBody> {
  if (request.method === 'GET' || request.method === 'HEAD') return new Uint8Array()
  if (Number(request.headers.get('content-length')) > limit) return 'too-large'
  let isFull = false
  const onChunk = (bytes: number) => {
    isFull = !hold(bytes)
    if (isFull) throw new StatedError('there is no room for the body')
  }
  try {
    return await readBytes(request.body, { limit, onChunk, signal: AbortSignal.timeout(ms.inspectedBody) })
  } catch (error) {
    if (isFull) return 'no-room'
    // A connection that broke has no one left to read the response.
    return error instanceof BodyTooLarge ? 'too-large' : 'too-slow'
  }
}

/** Returns a request whose body has been read, with the same bytes again. @param signal Aborts when the client leaves. */
export function withBody(request: Request, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Request {
  const { method, headers, url } = request
  if (body.length === 0) return new Request(url, { method, headers, signal })
  return new Request(url, { method, headers, signal, body })
}
