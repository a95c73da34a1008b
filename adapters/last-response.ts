import type { OAuthProxy } from '../src/index.ts'

/** The parts of a proxy that a server uses. Only `fetch` is required. */
export type Servable = Pick<OAuthProxy, 'fetch'> &
  Partial<Pick<OAuthProxy, 'endStreams' | 'drain' | 'settled' | 'report' | 'issuer'>>

/** Returns the same response, which tells the client that its connection closes. */
export function closing(response: Response): Response {
  const last = new Response(response.body, response)
  last.headers.set('connection', 'close')
  return last
}
