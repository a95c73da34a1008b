import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a path answers. */
export type DocumentAnswer = (request: IncomingMessage, response: ServerResponse) => void

/** Where clients publish their metadata and keys, over HTTP on loopback. */
export interface DocumentServer {
  /** Such as `http://localhost:1234`. */
  readonly origin: string
  /** Every path that was asked for, in order. */
  readonly asked: string[]
  /** Sets what a path answers: an object as JSON, or by hand. @returns Its URL. */
  put(path: string, answer: object | DocumentAnswer, headers?: Record<string, string>): string
  /** Publishes metadata that is right but for `changes`; `undefined` leaves a member out. @returns The client id. */
  publish(path: string, changes?: Record<string, unknown>, headers?: Record<string, string>): string
  close(): Promise<void>
}

export async function startDocumentServer(): Promise<DocumentServer> {
  const answers = new Map<string, DocumentAnswer>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const answer = answers.get(request.url ?? '')
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const put: DocumentServer['put'] = (path, answer, headers = {}) => {
    const reply: DocumentAnswer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer))
    answers.set(path, typeof answer === 'function' ? (answer as DocumentAnswer) : reply)
    return origin + path
  }
  return {
    origin,
    asked,
    put,
    publish: (path, changes = {}, headers) =>
      put(
        path,
        {
          client_id: origin + path,
          client_name: 'Published client',
          redirect_uris: ['http://127.0.0.1:5555/callback', 'https://app.example/callback'],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
          ...changes,
        },
        headers,
      ),
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
