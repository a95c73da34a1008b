import { BodyTooLarge, readBytes } from '../http/capped-body.ts'
import { ms } from '../timing.ts'

/** Reads the body of a request for {@link Inspection.judge}. */
export async function readForJudge(
  request: Request,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'too-slow'> {
  if (request.method === 'GET' || request.method === 'HEAD') return new Uint8Array()
  if (Number(request.headers.get('content-length')) > limit) return 'too-large'
  try {
    return await readBytes(request.body, { limit, signal: AbortSignal.timeout(ms.inspectedBody) })
  } catch (error) {
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
