import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * Passes everything on to `target` as it is, streams included, with a token where one is given: the conformance tool
 * cannot send one itself.
 */
export async function startForwarder(
  target: string,
  token?: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const { hostname, port, pathname } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    // A tool that tests the Host header means the server behind; any other Host is this forwarder's own.
    if (headers.host === `127.0.0.1:${(server.address() as AddressInfo).port}`)
      headers.host = `${hostname}:${port}`
    const { method, url = '/' } = incoming
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
      answer.on('error', () => outgoing.destroy())
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
