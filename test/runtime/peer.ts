import type { AssertionIssuer } from '../support/assertion-issuer.ts'
import { Browser } from '../support/browser.ts'
import {
  connect,
  guarded,
  refreshParams,
  type System,
  type TestClient,
  type Tokens,
} from '../support/system.ts'
import type { StreamServer } from './stream-server.ts'

/** A running proxy, as everybody outside sees it. */
export interface Peer {
  /** Its issuer, with a base path. */
  readonly url: string
  /** What stands behind its `/stream`. */
  readonly behind: StreamServer
  /** The company whose assertions it accepts. */
  readonly issuer: AssertionIssuer
}

/** The tests' system, but every request travels over HTTP, and nothing of the proxy is in this process. */
export function overHttp({ url }: Peer): System {
  const call: System['call'] = (path, init) => fetch(path.startsWith('/') ? url + path : path, init)
  const reach: Pick<System, 'url' | 'mcp' | 'call' | 'post' | 'browser'> = {
    url,
    mcp: `${url}/mcp`,
    call,
    post: (path, params, headers) =>
      call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
    browser: () => new Browser(),
  }
  return reach as System
}

/** A client that may use one of the protected servers, signed in. */
export async function signedIn(peer: Peer, server = '/stream'): Promise<SignedInPeer> {
  const system = overHttp(peer)
  const { client, tokens } = await connect(system, { params: { resource: peer.url + server } })
  return {
    client,
    tokens,
    refresh: (token) => system.post('/token', refreshParams(client, token)),
    stream: (path, init = {}) =>
      system.call(server + path, {
        ...init,
        headers: { authorization: `Bearer ${tokens.access_token}`, ...init.headers },
      }),
    guard: async (accessToken) => {
      const response = await guarded(system, accessToken)
      await response.body?.cancel()
      return response.status
    },
  }
}

export interface SignedInPeer {
  readonly client: TestClient
  readonly tokens: Tokens
  refresh(token: string): Promise<Response>
  /** A request to that server. */
  stream(path: string, init?: RequestInit): Promise<Response>
  guard(accessToken: string): Promise<number>
}
