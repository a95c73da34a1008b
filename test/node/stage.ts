import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { OAuthProxy, Passage, RequestHead, Verdict } from 'lockgate'
import { pairsOf } from '../../adapters/node/head.ts'

/** A server that a test controls. */
export interface Stage {
  readonly url: string
  readonly server: Server
  close(): Promise<void>
}

export async function stage(listener: RequestListener): Promise<Stage> {
  const server = createServer(listener)
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Calls of a passage, in order. */
export type Calls = string[]

/** A passage that lets everything through and notes its calls. */
export function passageTo(
  url: string,
  head: RequestHead,
  calls: Calls,
  more: Partial<Passage> = {},
): Passage {
  const { method, target } = head
  return {
    method,
    url: url + target,
    headers: pairsOf(head.headers).filter(
      ([name]) => !/^(host|connection|content-length|transfer-encoding|expect|keep-alive)$/.test(name),
    ),
    answered(status, headers) {
      calls.push(`answered ${status}`)
      return {
        type: 'deliver',
        status,
        headers: pairsOf(headers).filter(
          ([name]) => !/^(connection|keep-alive|transfer-encoding)$/.test(name),
        ),
        stream: headers.get('content-type')?.startsWith('text/event-stream')
          ? { onEnd: () => {}, closed: () => calls.push('closed') }
          : undefined,
      }
    },
    failed(cause) {
      calls.push(`failed ${(cause as Error).message}`)
      return new Response('failed', { status: 502 })
    },
    brokeOff: () => void calls.push('broke off'),
    abandoned: () => void calls.push('abandoned'),
    ...more,
  }
}

/** A proxy that forwards every request, and checks nothing. */
export const forwarder = (
  url: string,
  calls: Calls = [],
  more: (head: RequestHead) => Partial<Passage> = () => ({}),
): Pick<OAuthProxy, 'fetch' | 'admit'> => ({
  fetch: async () => new Response('from fetch', { status: 404 }),
  admit: (head): Verdict => ({ type: 'forward', passage: passageTo(url, head, calls, more(head)) }),
})

/** Reads a whole body. */
export async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Responds with what arrived. */
export const echo = async (message: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  const body = await textOf(message)
  const { method, url, headers, rawHeaders } = message
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end(JSON.stringify({ method, url, headers, rawHeaders, body }))
}
