import { connect } from 'node:net'

/** A response as its bytes arrived. */
export interface RawResponse {
  /** Statuses of the interim responses, then of the final one; empty if the connection was closed without any. */
  readonly statuses: readonly number[]
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Whether the body came whole, by its own framing. */
  readonly complete: boolean
}

/** Milliseconds without a byte after which a response counts as over. */
const QUIET = 1500

/**
 * Sends bytes over a connection of their own, and reads what comes back.
 *
 * @param isHead The response has no body, whatever its headers say.
 */
export function exchange(port: number, bytes: Buffer, isHead = false): Promise<RawResponse> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let received: Buffer = Buffer.alloc(0)
    let timer = setTimeout(finish, QUIET)
    function finish(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(parse(received, isHead))
    }
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      clearTimeout(timer)
      if (parse(received, isHead).complete) return finish()
      timer = setTimeout(finish, QUIET)
    })
    socket.on('error', finish)
    socket.on('close', finish)
  })
}

function parse(bytes: Buffer, isHead: boolean): RawResponse {
  const statuses: number[] = []
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { statuses, fields: [], body: Buffer.alloc(0), complete: false }
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.[01] (\d+)/.exec(first)?.[1] ?? 0)
    statuses.push(status)
    rest = rest.subarray(end + 4)
    if (status >= 100 && status < 200 && status !== 101) continue
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
    const of = (name: string) => fields.find(([one]) => one === name)?.[1]
    if (status === 204 || status === 304 || isHead)
      return { statuses, fields, body: Buffer.alloc(0), complete: true }
    if (of('transfer-encoding')?.includes('chunked')) {
      const { body, complete } = unchunk(rest)
      return { statuses, fields, body, complete }
    }
    const length = of('content-length')
    if (length === undefined) return { statuses, fields, body: rest, complete: false }
    const body = rest.subarray(0, Number(length))
    return { statuses, fields, body, complete: body.length === Number(length) }
  }
}

function unchunk(bytes: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = []
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n')
    if (end < 0) return { body: Buffer.concat(parts), complete: false }
    const size = Number.parseInt(rest.subarray(0, end).toString('latin1'), 16)
    if (size === 0) return { body: Buffer.concat(parts), complete: true }
    parts.push(rest.subarray(end + 2, end + 2 + size))
    rest = rest.subarray(end + 2 + size + 2)
  }
}
