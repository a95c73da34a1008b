import { request as http, type IncomingMessage } from 'node:http'
import { request as https } from 'node:https'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { isLoopbackHost, StatedError } from '../../src/internal.ts'
import type { Outbound, OutboundOptions } from '../../src/ports.ts'
import { isLoopback, isPublic } from './addresses.ts'
import {
  assertUsable,
  createProxyAgent,
  type ForwardProxies,
  goesThrough,
  readForwardProxies,
} from './forward-proxy.ts'
import { createResolve, type Resolve } from './resolve.ts'

/** Ports that a test may replace. */
export interface OutboundPorts {
  readonly resolve?: Resolve
  /** Certificates to trust in addition to the usual ones, as PEM. */
  readonly ca?: string
  /** By default those of the environment. */
  readonly proxies?: ForwardProxies | undefined
}

const MAX_ADDRESSES = 4

/** A response whose body is still to come. */
type Received = Readable & Pick<IncomingMessage, 'statusCode' | 'headers'>

/**
 * Creates the outbound port for Node, Bun and Deno. It resolves a name once, checks every address, and connects to a
 * checked one, so that a later response of the name server changes nothing. It settles only when its work has ended, so
 * that a caller may count requests by it.
 */
export function createOutbound({
  resolve = createResolve(),
  ca,
  proxies = readForwardProxies(),
}: OutboundPorts = {}): Outbound {
  let agent: Dispatcher | undefined
  return async (text, options) => {
    const url = new URL(text)
    if (proxies && goesThrough(proxies, url)) {
      assertUsable(proxies, url)
      await assertNotInside(url, resolve, options)
      agent ??= await createProxyAgent(proxies, ca)
      return toResponse(await sendThrough(agent, url, options))
    }
    const addresses = await resolve(url.hostname.replace(/^\[|\]$/g, ''), options.signal).catch((cause) => {
      throw options.signal.aborted ? new StatedError('no address in time', { cause }) : cause
    })
    const local = options.loopback && isLoopbackHost(url.hostname)
    // One address that is not public spoils the name, because an attacker may choose which one is used.
    const allowed = addresses.every((address) => isPublic(address) || (local && isLoopback(address)))
    if (addresses.length === 0 || !allowed)
      throw new StatedError('the host has an address that is not public')
    // IPv4 first: whether IPv6 works shows only in the attempt.
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

/**
 * Refuses a name that leads to an address that is not public, as far as this machine can resolve it. Behind a proxy it
 * often cannot. Then the proxy resolves, and has to refuse inside addresses. The certificate must be one for the name.
 */
async function assertNotInside(url: URL, resolve: Resolve, { signal }: OutboundOptions): Promise<void> {
  if (url.protocol !== 'https:') throw new StatedError('only https goes through a proxy')
  const addresses = await resolve(url.hostname.replace(/^\[|\]$/g, ''), signal).catch(() => [])
  if (!addresses.every(isPublic)) throw new StatedError('the host has an address that is not public')
}

/** Sends one request through a proxy. */
async function sendThrough(
  dispatcher: Dispatcher,
  url: URL,
  { accept, signal }: OutboundOptions,
): Promise<Received> {
  const headers = { accept, 'user-agent': 'lockgate' }
  const path = url.pathname + url.search
  const asked = { origin: url.origin, path, method: 'GET', headers, signal } as const
  const { statusCode, headers: fields, body } = await dispatcher.request(asked)
  return Object.assign(body, { statusCode, headers: fields })
}

/** Sends one request to one address. The name still decides the certificate and the `Host` header. */
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
    const abort = () => request.destroy(new StatedError('no response in time'))
    signal.addEventListener('abort', abort, { once: true })
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('error', reject)
    if (signal.aborted) abort()
    request.end()
  })
}

/** Keeps the body of a 200 only. Every other response is a refusal. */
function toResponse(message: Received): Response {
  // A body that comes through a proxy fails when it is dropped. Unheard, that would end the process.
  message.on('error', () => {})
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
  return new Response(toStream(message), { headers: kept })
}

/** Returns the body. Unlike that of `Readable.toWeb`, it may be cancelled while more of it arrives, on every version of Node. */
function toStream(message: Readable): ReadableStream<Uint8Array> {
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(new Uint8Array(value))
    },
    async cancel() {
      await chunks.return?.()
    },
  })
}
