import { createServer } from 'node:http'
import { ms } from '../../../src/internal.ts'
import { UsageError } from '../configuration/command.ts'

/** Receives one authorization response. */
export interface Loopback {
  readonly answer: Promise<URLSearchParams>
  close(): void
}

/** Characters of an authorization response that is posted. */
const LARGEST = 64 * 1024

const DONE = '<!doctype html><meta charset="utf-8"><title>Done</title><p>You can close this page.</p>'

/**
 * Listens for the authorization response at a callback on this machine.
 *
 * @throws {UsageError} If the callback is not on this machine, or its port is taken.
 */
export async function listenFor(callback: string): Promise<Loopback> {
  const { hostname, port, pathname, protocol } = new URL(callback)
  if (protocol !== 'http:')
    throw new UsageError(
      '--callback: expected http on this machine; register it at the provider beside yours',
    )
  let done: (params: URLSearchParams) => void = () => {}
  let late: (error: Error) => void = () => {}
  const answer = new Promise<URLSearchParams>((resolve, reject) => {
    done = resolve
    late = reject
  })
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', callback)
    if (url.pathname !== pathname) return void response.writeHead(404).end()
    let body = ''
    for await (const chunk of request) if (body.length < LARGEST) body += chunk
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(DONE)
    done(request.method === 'POST' ? new URLSearchParams(body) : url.searchParams)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', () =>
      reject(new UsageError(`--callback: port ${port || '80'} is taken on this machine`)),
    )
    server.listen(Number(port || 80), hostname === '[::1]' ? '::1' : '127.0.0.1', resolve)
  })
  const timer = setTimeout(() => late(new Error('no user signed in within ten minutes')), ms.doctorSignIn)
  // If the sign-in never begins, no caller waits for it.
  answer.catch(() => {})
  return {
    answer,
    close() {
      clearTimeout(timer)
      server.closeAllConnections()
      server.close()
    },
  }
}
