import type { IncomingMessage } from 'node:http'
import type { HeaderFields, RequestHead } from '../../src/index.ts'

/** Headers as Node and undici parse them: lower-case names, and repeated fields joined or in a list. */
export type ParsedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** Reads parsed headers without copying them. */
export class ParsedFields implements HeaderFields {
  readonly #headers: ParsedHeaders

  constructor(headers: ParsedHeaders) {
    this.#headers = headers
  }

  get(name: string): string | null {
    const value = this.#headers[name]
    if (typeof value === 'string') return value
    return Array.isArray(value) ? value.join(', ') : null
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  forEach(each: (value: string, name: string) => void): void {
    const headers = this.#headers
    for (const name of Object.keys(headers)) {
      const value = headers[name]
      if (typeof value === 'string') each(value, name)
      else if (value) for (const one of value) each(one, name)
    }
  }
}

/** Returns headers as pairs. */
export function pairsOf(headers: HeaderFields): [name: string, value: string][] {
  const pairs: [string, string][] = []
  headers.forEach((value, name) => void pairs.push([name, value]))
  return pairs
}

/** The head of a request that Node received. */
export class MessageHead implements RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: HeaderFields
  readonly #message: IncomingMessage
  #request: Request | undefined

  /** @param target The request target as the client spelled it. */
  constructor(message: IncomingMessage, target: string) {
    this.method = message.method ?? 'GET'
    this.target = target
    this.headers = fieldsOf(message, target)
    this.#message = message
  }

  toRequest(): Request {
    const { method, headers } = this
    this.#request ??= new Request(urlOf(this.#message, this.target), { method, headers: pairsOf(headers) })
    return this.#request
  }
}

/**
 * Returns the headers of a message. Node keeps the first of a repeated `Host` or `Authorization`, where another server
 * may keep the last. Here they are joined, as `fetch` joins them, so that the value is refused.
 */
function fieldsOf(message: IncomingMessage, target: string): HeaderFields {
  const { headers, rawHeaders } = message
  let [hosts, authorizations] = [0, 0]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const { length } = rawHeaders[at]!
    if (length === 4) hosts += isField(rawHeaders[at]!, 'host')
    else if (length === 13) authorizations += isField(rawHeaders[at]!, 'authorization')
  }
  const named = target.charCodeAt(0) === SLASH ? undefined : authorityOf(target)
  const isForeign = named !== undefined && named !== (headers.host ?? named).toLowerCase()
  if (hosts < 2 && authorizations < 2 && !isForeign) return new ParsedFields(headers)
  const joined: Record<string, string | string[] | undefined> = { ...headers }
  if (hosts > 1) joined.host = valuesOf(rawHeaders, 'host').join(', ')
  if (authorizations > 1) joined.authorization = valuesOf(rawHeaders, 'authorization').join(', ')
  // A target in absolute form that names another host: the request has two.
  if (isForeign) joined.host = `${joined.host}, ${named}`
  return new ParsedFields(joined)
}

const SLASH = 47

const isField = (raw: string, name: string): 0 | 1 => (raw.toLowerCase() === name ? 1 : 0)

const valuesOf = (raw: readonly string[], name: string): string[] =>
  raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === name)

/** Returns the host that a target in absolute form names. @see [RFC 9112 §3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2) */
const authorityOf = (target: string): string | undefined =>
  /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase()

/** Returns the URL of a request. The client chooses its host, so that nothing may depend on it. */
export function urlOf(message: IncomingMessage, target: string): string {
  if (target.charCodeAt(0) !== SLASH) return target
  const scheme = 'encrypted' in message.socket ? 'https' : 'http'
  // HTTP/1.0 alone may leave the host out.
  return `${scheme}://${message.headers.host ?? 'localhost'}${target}`
}
