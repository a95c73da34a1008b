/*
 * Requests, responses and headers that keep their body in memory. Those of the platform read a body over several turns
 * of the event loop, which takes a fifth of a history's time and decides nothing.
 */

type HeadersSource = Iterable<readonly [string, string]> | Record<string, string> | undefined | null

class LightHeaders {
  readonly #fields = new Map<string, string[]>()

  constructor(source?: HeadersSource) {
    if (!source) return
    const pairs = Symbol.iterator in source ? (source as Iterable<[string, string]>) : Object.entries(source)
    for (const [name, value] of pairs) this.append(name, value)
  }
  append(name: string, value: string): void {
    const key = name.toLowerCase()
    const values = this.#fields.get(key)
    if (values) values.push(String(value).trim())
    else this.#fields.set(key, [String(value).trim()])
  }
  set(name: string, value: string): void {
    this.#fields.set(name.toLowerCase(), [String(value).trim()])
  }
  get(name: string): string | null {
    return this.#fields.get(name.toLowerCase())?.join(', ') ?? null
  }
  has(name: string): boolean {
    return this.#fields.has(name.toLowerCase())
  }
  delete(name: string): void {
    this.#fields.delete(name.toLowerCase())
  }
  getSetCookie(): string[] {
    return [...(this.#fields.get('set-cookie') ?? [])]
  }
  *entries(): Generator<[string, string]> {
    for (const name of [...this.#fields.keys()].sort()) {
      const values = this.#fields.get(name)!
      if (name === 'set-cookie') for (const value of values) yield [name, value]
      else yield [name, values.join(', ')]
    }
  }
  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name
  }
  *values(): Generator<string> {
    for (const [, value] of this.entries()) yield value
  }
  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) visit(value, name)
  }
  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries()
  }
  get [Symbol.toStringTag](): string {
    return 'Headers'
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8'

/** A body whose one part is there at once. */
class LightStream {
  locked = false
  /** Returns the body once. */
  readonly take: () => Uint8Array | undefined
  constructor(take: () => Uint8Array | undefined) {
    this.take = take
  }
  getReader() {
    this.locked = true
    return {
      read: async () => {
        const value = this.take()
        return value === undefined ? { done: true, value } : { done: false, value }
      },
      cancel: async () => void this.take(),
      releaseLock: () => {
        this.locked = false
      },
    }
  }
  async cancel(): Promise<void> {
    this.take()
  }
}

abstract class LightMessage {
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  #content: string | Uint8Array | undefined
  bodyUsed = false

  constructor(headers: unknown, body: unknown) {
    this.headers = new LightHeaders(headers as HeadersSource) as unknown as Headers
    this.body = null
    if (body === undefined || body === null) return
    if (body instanceof URLSearchParams) {
      if (!this.headers.has('content-type')) this.headers.set('content-type', FORM)
      this.#content = body.toString()
    } else if (body instanceof LightStream) this.#content = body.take()
    else if (typeof body === 'string' || body instanceof Uint8Array) this.#content = body
    else throw new TypeError('a body of this kind is not simulated')
    this.body = new LightStream(() => this.take()) as unknown as ReadableStream<Uint8Array>
  }
  /** Returns the body once. */
  take(): Uint8Array | undefined {
    const content = this.#content
    this.#content = undefined
    this.bodyUsed = true
    return typeof content === 'string' ? encoder.encode(content) : content
  }
  protected get content(): string | Uint8Array | undefined {
    return this.#content
  }
  async text(): Promise<string> {
    const content = this.#content
    this.take()
    return typeof content === 'string' ? content : decoder.decode(content)
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (this.take() ?? new Uint8Array()).slice().buffer as ArrayBuffer
  }
}

const never = new AbortController().signal

class LightRequest extends LightMessage {
  readonly url: string
  readonly method: string
  readonly signal: AbortSignal
  readonly redirect = 'follow'
  constructor(input: string | URL | LightRequest, init: RequestInit = {}) {
    const from = input instanceof LightRequest ? input : undefined
    super(init.headers ?? from?.headers, init.body ?? from?.content)
    this.url = from?.url ?? new URL(input as string | URL).href
    this.method = init.method?.toUpperCase() ?? from?.method ?? 'GET'
    this.signal = init.signal ?? from?.signal ?? never
  }
  clone(): LightRequest {
    return new LightRequest(this)
  }
  get [Symbol.toStringTag](): string {
    return 'Request'
  }
}

class LightResponse extends LightMessage {
  readonly status: number
  readonly statusText: string
  readonly type = 'default'
  readonly url = ''
  readonly redirected = false
  constructor(body?: unknown, { status = 200, statusText = '', headers }: ResponseInit = {}) {
    super(headers, body)
    this.status = status
    this.statusText = statusText
  }
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }
  clone(): LightResponse {
    return new LightResponse(this.content, this)
  }
  static json(data: unknown, init: ResponseInit = {}): LightResponse {
    const response = new LightResponse(JSON.stringify(data), init)
    if (!response.headers.has('content-type')) response.headers.set('content-type', 'application/json')
    return response
  }
  get [Symbol.toStringTag](): string {
    return 'Response'
  }
}

/** Puts the light classes in place of those of the platform. @returns A function that undoes it. */
export function installLightWeb(): () => void {
  const globals = globalThis as Record<string, unknown>
  const { Headers, Request, Response } = globalThis
  Object.assign(globals, { Headers: LightHeaders, Request: LightRequest, Response: LightResponse })
  return () => void Object.assign(globals, { Headers, Request, Response })
}
