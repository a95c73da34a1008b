import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A request as its bytes arrived, after framing. */
export interface RawRequest {
  /** The request line without the version. */
  readonly line: string
  /** Field lines, names in lower case, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** An MCP server that speaks bytes: it keeps what it received and sends what it is told to. */
export interface RawServer {
  readonly url: string
  /** What arrived since the last call. */
  take(): RawRequest[]
  /** The bytes of the next responses. */
  answer: Buffer
  /** The bytes of all responses after the next one, if they are others. */
  after: Buffer | undefined
  close(): Promise<void>
}

/** The plain response. */
export const OK = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok')

export async function startRawServer(): Promise<RawServer> {
  let received: RawRequest[] = []
  const sockets = new Set<Socket>()
  const state: Pick<RawServer, 'answer' | 'after'> = { answer: OK, after: undefined }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let bytes: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let read = readRequest(bytes); read; read = readRequest(bytes)) {
        received.push(read.request)
        bytes = read.rest
        const isHead = read.request.line.startsWith('HEAD ')
        socket.write(isHead ? state.answer.subarray(0, state.answer.indexOf('\r\n\r\n') + 4) : state.answer)
        // A response without a length ends with its connection. Every other one may, too. A redirect does not: the proxy
        // may send its next request over the same connection.
        if (!/^(content-length: 2|location: .*)\r$/m.test(state.answer.toString('latin1'))) socket.end()
        state.answer = state.after ?? state.answer
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    take() {
      const all = received
      received = []
      return all
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

function readRequest(bytes: Buffer): { request: RawRequest; rest: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const of = (name: string) => fields.find(([one]) => one === name)?.[1]
  const after = bytes.subarray(end + 4)
  const request = { line: first.replace(/ HTTP\/1\.[01]$/, ''), fields }
  if (of('transfer-encoding') !== undefined) {
    const text = after.toString('latin1')
    const last = /(?:^|\r\n)0\r\n\r\n/.exec(text)
    if (!last) return undefined
    const body = text.slice(0, last.index).replace(/(^|\r\n)[0-9a-f]+\r\n/gi, '')
    return { request: { ...request, body }, rest: after.subarray(last.index + last[0].length) }
  }
  const length = Number(of('content-length') ?? 0)
  if (after.length < length) return undefined
  return {
    request: { ...request, body: after.subarray(0, length).toString('latin1') },
    rest: after.subarray(length),
  }
}
