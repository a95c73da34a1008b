import { readBytes } from '../http/capped-body.ts'
import type { Fetch } from '../ports.ts'
import { type Coded, readCoding } from './coding.ts'
import { hasBody } from './create-passage.ts'
import { edited } from './editor.ts'
import { endable } from './endable.ts'
import type { Delivery, Passage } from './passage.ts'

type Delivered = Extract<Delivery, { type: 'deliver' }>

/** Bytes of a body that is read before it is sent on. A request then has a length, and can be sent again. */
const SMALL = 64 * 1024

/** Only Workers have a cache of their own behind `fetch`. */
const ON_WORKERS = typeof caches !== 'undefined' && 'default' in caches

/** Only newer Workers can do without that cache. */
const NO_CACHE: { cache?: 'no-store' } = ON_WORKERS && takesCache() ? { cache: 'no-store' } : {}

/**
 * Carries a request to an MCP server and its response back, both as streams, by any runtime's `fetch`. Never rejects.
 *
 * @param how.signal Aborts when the client leaves.
 * @param how.read The body, if it has been read already.
 */
export async function carry(
  request: Request,
  passage: Passage,
  fetch: Fetch,
  { signal, read }: { readonly signal: AbortSignal; readonly read?: Uint8Array },
): Promise<Response> {
  let body: BodyInit | null
  try {
    body = read ? sendable(request, read) : await bodyOf(request)
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
        // Bun then leaves bodies packed as they are, and their headers true.
        decompress: false,
        ...NO_CACHE,
        // Without `half`, Node and Deno refuse to send a stream.
        ...(!repeatable && { duplex: 'half' }),
      } as RequestInit)
    } catch (cause) {
      return signal.aborted ? abandon(next) : next.failed(cause)
    }
    const answered = next.answered(response.status, response.headers, repeatable)
    const delivery = answered instanceof Promise ? await answered : answered
    if (delivery.type === 'deliver') {
      const brokeOff = (cause: unknown) => signal.aborted || next.brokeOff(cause)
      if (isShort(delivery, next)) return await deliverWhole(response, delivery, brokeOff)
      return await deliver(response, delivery, next, brokeOff)
    }
    if (delivery.type === 'collect') return delivery.finish(await collect(response.body, delivery.limit))
    await response.body?.cancel().catch(() => {})
    if (delivery.type === 'replace') return delivery.response
    next = delivery.passage
  }
}

/**
 * The response of `fetch` that each delivered one took its body from. Node cancels a body that is not being read yet when the
 * response that it came with is collected as garbage.
 */
const sources = new WeakMap<Response, Response>()

/** No client is left to read the response. */
function abandon(passage: Passage): Response {
  passage.abandoned()
  return new Response(null, { status: 499 })
}

/**
 * Tells whether a response has a body of a known, small length that nothing changes on its way, and that is better read
 * whole. Workers send streams on at no cost, and let one that fails look complete.
 */
function isShort({ status, headers, stream, edit }: Delivered, { method }: Passage): boolean {
  if (ON_WORKERS || stream || edit || !hasBody(method, status)) return false
  const length = headers.find(([name]) => name === 'content-length')?.[1]
  if (length === undefined || length === '0' || !(Number(length) <= SMALL)) return false
  return !headers.some(([name]) => name === 'content-encoding')
}

/** Reads a short body first. A stream costs Deno a tenth of a forwarded request. */
async function deliverWhole(
  response: Response,
  { status, headers }: Delivered,
  brokeOff: (cause: unknown) => void,
): Promise<Response> {
  const init = { status, headers: headers as [string, string][] }
  try {
    return new Response(await response.arrayBuffer(), init)
  } catch (cause) {
    brokeOff(cause)
    // It must not look complete.
    return new Response(new ReadableStream({ pull: (controller) => controller.error(cause) }), init)
  }
}

async function deliver(
  response: Response,
  { status, headers, stream, edit }: Delivered,
  passage: Passage,
  brokeOff: (cause: unknown) => void,
): Promise<Response> {
  let list = headers as [string, string][]
  let { body } = response
  // Nothing is not a packed body, and some runtimes fail to unpack it.
  const isEmpty = list.some(([name, value]) => name === 'content-length' && value === '0')
  if (!body || isEmpty || !hasBody(passage.method, status)) {
    body?.cancel().catch(() => {})
    stream?.closed()
    return new Response(null, { status, headers: list })
  }
  const coding = list.find(([name]) => name === 'content-encoding')?.[1]
  if (coding !== undefined && coding !== 'identity') {
    let coded: Coded
    try {
      coded = await readCoding(body, coding)
    } catch (cause) {
      stream?.closed()
      return passage.failed(cause)
    }
    body = coded.body
    if (coded.isUnpacked) list = list.filter(([name]) => !/^content-(encoding|length)$/.test(name))
  }
  if (edit) body = edited(body, edit)
  const delivered = new Response(stream ? endable(body, stream, brokeOff) : body, { status, headers: list })
  sources.set(delivered, response)
  return delivered
}

/** Returns a body that has been read, as `fetch` takes it. An empty one is none, except with POST. */
const sendable = ({ method }: Request, body: Uint8Array): Uint8Array<ArrayBuffer> | null =>
  body.length === 0 && method !== 'POST' ? null : (body as Uint8Array<ArrayBuffer>)

/** Reads the body of a response. Returns `undefined` if it breaks or is too large. */
async function collect(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array | undefined> {
  try {
    return await readBytes(body, { limit })
  } catch {
    return undefined
  }
}

/**
 * Returns the request's body. A small one of known length is read first: `fetch` then tells its length to the MCP server,
 * and can send it again.
 */
async function bodyOf(request: Request): Promise<Uint8Array<ArrayBuffer> | ReadableStream | null> {
  const { method, headers } = request
  if (method === 'GET' || method === 'HEAD') return null
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  // Some runtimes have an empty stream for a request without a body.
  if (length === '0' || (length === null && !headers.has('transfer-encoding') && method !== 'POST'))
    return null
  // Bun makes a stream when the member is read, so it is not for a small body.
  if (length === null || !(Number(length) <= SMALL)) return request.body
  return sendable(request, new Uint8Array(await request.arrayBuffer()))
}

function takesCache(): boolean {
  try {
    new Request('http://localhost/', { cache: 'no-store' })
    return true
  } catch {
    return false
  }
}
