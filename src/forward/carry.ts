import type { Fetch } from '../ports.ts'
import { hasBody } from './create-passage.ts'
import { endable } from './endable.ts'
import type { Delivery, Passage } from './passage.ts'

/** Bytes of a request body that is kept, so that it has a length and can be sent again. */
const SMALL = 64 * 1024

/** Carries a request to an MCP server and its response back, both as streams, by any runtime's `fetch`. Never rejects. */
export async function carry(request: Request, passage: Passage, fetch: Fetch): Promise<Response> {
  const { signal } = request
  let body: BodyInit | null
  try {
    body = await bodyOf(request)
  } catch {
    return abandon(passage)
  }
  const repeatable = body === null || body instanceof Uint8Array
  for (let next = passage; ; ) {
    let response: Response
    try {
      response = await fetch(next.url, {
        method: next.method,
        headers: next.headers as [string, string][],
        body,
        redirect: 'manual',
        signal,
        // Without `half`, Node and Deno refuse to send a stream.
        ...(!repeatable && { duplex: 'half' }),
      } as RequestInit)
    } catch (cause) {
      return signal.aborted ? abandon(next) : next.failed(cause)
    }
    const answered = next.answered(response.status, response.headers, repeatable)
    const delivery = answered instanceof Promise ? await answered : answered
    if (delivery.type === 'deliver') return deliver(response, delivery, next)
    await response.body?.cancel().catch(() => {})
    if (delivery.type === 'replace') return delivery.response
    next = delivery.passage
  }
}

/** No client is left to read the response. */
function abandon(passage: Passage): Response {
  passage.abandoned()
  return new Response(null, { status: 499 })
}

function deliver(
  { body }: Response,
  { status, headers, stream }: Extract<Delivery, { type: 'deliver' }>,
  { method }: Passage,
): Response {
  // `fetch` has unpacked the body, and its length with it.
  const isPacked = headers.some(([name]) => name === 'content-encoding')
  const kept = isPacked ? headers.filter(([name]) => !/^content-(encoding|length)$/.test(name)) : headers
  const init = { status, headers: kept as [string, string][] }
  if (!hasBody(method, status)) {
    body?.cancel().catch(() => {})
    return new Response(null, init)
  }
  if (!body) stream?.closed()
  return new Response(body && stream ? endable(body, stream) : body, init)
}

/**
 * Returns the request's body. A small one of known length is read first: `fetch` then tells its length to the MCP server,
 * and can send it again.
 */
async function bodyOf(request: Request): Promise<Uint8Array<ArrayBuffer> | ReadableStream | null> {
  const { method, headers, body } = request
  if (body === null || method === 'GET' || method === 'HEAD') return null
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  // Some runtimes have an empty stream for a request without a body.
  if (length === '0' || (length === null && !headers.has('transfer-encoding') && method !== 'POST'))
    return null
  if (length === null || !(Number(length) <= SMALL)) return body
  return new Uint8Array(await request.arrayBuffer())
}
