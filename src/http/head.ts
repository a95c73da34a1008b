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

/** Returns the head of a Fetch API request. */
export const headOf = (request: Request): RequestHead => ({
  method: request.method,
  target: request.url,
  headers: request.headers,
  toRequest: () => request,
})
