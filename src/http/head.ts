/** Request or response headers. `Headers` satisfies it. */
export interface HeaderFields {
  /** Returns the value of a header, several fields joined, or `null`. The name is lower-case. */
  get(name: string): string | null
  has(name: string): boolean
  /** Calls `each` for every header. Cheaper than an iterator: on Deno by ten times. */
  forEach(each: (value: string, name: string) => void): void
}

/** The part of a request that arrives before its body. */
export interface RequestHead {
  readonly method: string
  /** The request target as received: a path with query, such as `/mcp?x=1`, or an absolute URL. */
  readonly target: string
  readonly headers: HeaderFields
  /** Returns the request for options that are functions of one. An adapter builds it without a body, on first use. */
  toRequest(): Request
}

/** A request head after its target was accepted. No code downstream parses the URL's path again. */
export interface Head extends Pick<RequestHead, 'method' | 'headers' | 'toRequest'> {
  /** The path as received, in the one spelling that every parser reads alike. */
  readonly path: string
  /** The query with its question mark, or an empty string. */
  readonly search: string
}

/** The head of a Fetch API request. */
export class FetchHead implements RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: HeaderFields
  readonly #request: Request

  constructor(request: Request) {
    this.method = request.method
    this.target = request.url
    this.headers = new FieldsOnce(request.headers)
    this.#request = request
  }

  toRequest(): Request {
    return this.#request
  }
}

/**
 * Headers that are walked once. The walk is needed anyway, to find headers that claim an identity. Look-ups in the list cost
 * less than those in the `Headers` of Node.
 */
class FieldsOnce implements HeaderFields {
  /** Names and values in turn. */
  readonly #fields: string[] = []

  constructor(headers: Headers) {
    const fields = this.#fields
    headers.forEach((value, name) => void fields.push(name.toLowerCase(), value))
  }

  get(name: string): string | null {
    const fields = this.#fields
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]!
    return null
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  forEach(each: (value: string, name: string) => void): void {
    const fields = this.#fields
    for (let at = 0; at < fields.length; at += 2) each(fields[at + 1]!, fields[at]!)
  }
}
