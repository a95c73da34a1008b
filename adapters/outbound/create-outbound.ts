import { lookup } from 'node:dns/promises'
import { request as http, type IncomingMessage } from 'node:http'
import { request as https } from 'node:https'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { isLoopbackHost } from '../../src/internal.ts'
import type { Outbound, OutboundOptions } from '../../src/ports.ts'
import { isLoopback, isPublic } from './addresses.ts'

/** What a test may replace. */
export interface OutboundPorts {
  /** Every address of a name; of an address, itself. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
  /** Certificates to trust beside the usual ones, as PEM. */
  readonly ca?: string
}

/** The system's own resolver: what it says is what any other connection from here would use. */
const resolveByName = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

const MAX_ADDRESSES = 4

/**
 * For Node, Bun and Deno: resolves a name once, looks at every address, and connects to one that was looked at, so
 * that a second answer of the name server changes nothing.
 */
export function createOutbound({ resolve = resolveByName, ca }: OutboundPorts = {}): Outbound {
  return async (text, options) => {
    const url = new URL(text)
    const addresses = await unlessAborted(resolve(url.hostname.replace(/^\[|\]$/g, '')), options.signal)
    const local = options.loopback && isLoopbackHost(url.hostname)
    // One bad address spoils the name: which one is used is then anybody's choice.
    const allowed = addresses.every((address) => isPublic(address) || (local && isLoopback(address)))
    if (addresses.length === 0 || !allowed) throw new TypeError('the host has an address that is not public')
    // Where there is no way over IPv6, only the attempt would tell.
    const ordered = [...addresses].sort((a, b) => isIP(a) - isIP(b)).slice(0, MAX_ADDRESSES)
    let failure: unknown
    for (const address of ordered) {
      try {
        return await toResponse(await send(url, address, options, ca))
      } catch (error) {
        if (options.signal.aborted) throw error
        failure = error
      }
    }
    throw failure
  }
}

/** One request to one address. The name still decides the certificate and the `Host` header. */
function send(
  url: URL,
  address: string,
  { accept, signal }: OutboundOptions,
  ca: string | undefined,
): Promise<IncomingMessage> {
  const secure = url.protocol === 'https:'
  const name = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http)(
      {
        host: address,
        port: url.port || (secure ? 443 : 80),
        path: url.pathname + url.search,
        headers: { host: url.host, accept, 'user-agent': 'lockgate' },
        agent: false,
        ...(secure && isIP(name) === 0 && { servername: name }),
        ...(ca !== undefined && { ca }),
      },
      resolve,
    )
    const abort = () => request.destroy(new Error('no answer in time'))
    signal.addEventListener('abort', abort, { once: true })
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('error', reject)
    if (signal.aborted) abort()
    request.end()
  })
}

/** Nothing but a 200 is read: whatever else it says, it is a refusal. */
function toResponse(message: IncomingMessage): Response {
  const { statusCode: status = 502, headers } = message
  const plain = headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity'
  if (status !== 200 || !plain) {
    message.destroy()
    return new Response(null, { status: status === 200 || status < 200 || status > 599 ? 502 : status })
  }
  const kept = ['content-type', 'cache-control', 'expires', 'date', 'age'].flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as [string, string]] : []
  })
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { headers: kept })
}

const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no address in time')), { once: true })
    work.then(resolve, reject)
  })
