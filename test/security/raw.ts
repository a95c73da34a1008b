import { type IncomingHttpHeaders, request } from 'node:http'

/** What a server sent. */
export interface RawAnswer {
  readonly status: number
  readonly text: string
  readonly headers: IncomingHttpHeaders
}

/**
 * Sends a request with a path and headers exactly as they are: `fetch` repairs paths, and keeps some headers to itself.
 *
 * @param url Its path is sent as it is written.
 */
export const raw = (
  url: string,
  headers: Record<string, string>,
  { method = 'GET', body = '' }: { method?: string; body?: string } = {},
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const [, host, path] = /^http:\/\/([^/]+)(.*)$/.exec(url) ?? []
    const [hostname, port] = host!.split(':')
    const length: Record<string, string> = body === '' ? {} : { 'content-length': String(body.length) }
    const sent = request({ hostname, port, path, method, headers: { ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
