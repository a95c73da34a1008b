/** The bytes of a body, as streams of `fetch` carry them. */
type Bytes = Uint8Array<ArrayBuffer>

/** A response body with its content coding, as `fetch` delivered it. */
export interface Coded {
  readonly body: ReadableStream<Bytes>
  /** `true` if `fetch` has already removed the coding that the header names. */
  readonly isUnpacked: boolean
}

/**
 * Finds out whether `fetch` has unpacked a body. Runtimes differ in the codings that they unpack, and all keep the header.
 * The first bytes tell, so the head of such a response waits for them. Servers rarely send one: no coding is requested.
 *
 * @param coding The value of `content-encoding`.
 */
export async function readCoding(body: ReadableStream<Bytes>, coding: string): Promise<Coded> {
  const reader = body.getReader()
  const chunks: Bytes[] = []
  let size = 0
  let done = false
  while (size < ENOUGH && !done) {
    const part = await reader.read()
    done = part.done
    if (!part.value?.length) continue
    chunks.push(part.value)
    size += part.value.length
    if (judge(coding, chunks[0]!) !== undefined) break
  }
  const first = join(chunks, size)
  const isUnpacked = judge(coding, first) ?? isText(first)
  return { isUnpacked, body: resume(reader, first, done) }
}

/** Bytes that tell text from packed data. */
const ENOUGH = 4

/** Returns whether bytes are without the outermost coding, or `undefined` if they are too few to tell. */
function judge(coding: string, bytes: Bytes): boolean | undefined {
  const codings = coding.toLowerCase().split(',')
  if (bytes.length < ENOUGH) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  switch (codings.at(-1)!.trim()) {
    case 'gzip':
    case 'x-gzip':
      return !(a === 0x1f && b === 0x8b)
    case 'zstd':
      return !(a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd)
    case 'deflate':
      if (isText(bytes)) return true
      // RFC 1950 §2.2. Some servers omit this header, so that only the content tells.
      return (a & 15) === 8 && ((a << 8) | b) % 31 === 0 ? false : isUndici(codings)
    case 'br':
      return isText(bytes) || isUndici(codings)
    default:
      return false
  }
}

/** Returns whether this is Node's `fetch`, and it knows all these codings. It then unpacks them, also if none was requested. */
const isUndici = (codings: readonly string[]): boolean =>
  codings.every((one) => /^(x-)?(gzip|deflate|br)$/.test(one.trim())) &&
  Object.getOwnPropertySymbols(globalThis).some(({ description }) =>
    description?.startsWith('undici.globalDispatcher'),
  )

/** Returns whether bytes are the beginning of a text. MCP servers send JSON and event streams. */
function isText(bytes: Bytes): boolean {
  try {
    return !/[^\P{Cc}\t\n\r]/u.test(new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }))
  } catch {
    return false
  }
}

function join(chunks: readonly Bytes[], size: number): Bytes {
  if (chunks.length === 1) return chunks[0]!
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** Returns a stream of `first` and of what the reader has left. */
function resume(
  reader: ReadableStreamDefaultReader<Bytes>,
  first: Bytes,
  done: boolean,
): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>({
    start(controller) {
      if (first.length > 0) controller.enqueue(first)
      if (done) controller.close()
    },
    async pull(controller) {
      const part = await reader.read()
      if (part.done) controller.close()
      else controller.enqueue(part.value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
