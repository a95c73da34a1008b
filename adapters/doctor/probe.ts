import { BodyTooLarge, parseUrl, readCapped } from '../../src/internal.ts'
import { show } from './finding.ts'
import { whyNot } from './unreached.ts'

/** One answer, read to its end. */
export interface Answer {
  readonly method: string
  readonly url: string
  /** 0 where none came: then `error` says why. */
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, where it is a JSON object sent as JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  readonly error: string | undefined
  /** Milliseconds since the epoch: when the request left and when the headers came. */
  readonly sentAt: number
  readonly receivedAt: number
}

/** What the doctor asks with: politely, and never more than a bounded number of times. */
export interface Probe {
  /** Redirects are not followed: they are findings. The same GET is asked once. */
  send(url: string, init?: RequestInit): Promise<Answer>
  /** Opens a stream and closes it as soon as its headers are there. @param patience Milliseconds. */
  open(url: string, init: RequestInit, patience: number): Promise<Answer>
  /** Requests sent so far. */
  readonly count: () => number
  /** URLs that were not requested, because they lead into a private network. */
  readonly blocked: () => readonly string[]
}

const MAX_REQUESTS = 100
const MAX_BODY = 256 * 1024

type FetchLike = (input: string, init: RequestInit) => Promise<Response>

/** @param options.timeout Milliseconds for one request with its body. */
export function createProbe(options: {
  fetch: FetchLike
  timeout: number
  agent: string
  /** Returns whether a URL may be requested. */
  mayReach?: (url: string) => Promise<boolean>
}): Probe {
  const { fetch, timeout, agent, mayReach = async () => true } = options
  const blocked = new Set<string>()
  const known = new Map<string, Promise<Answer>>()
  let count = 0

  async function ask(url: string, init: RequestInit, patience: number, whole: boolean): Promise<Answer> {
    const method = init.method ?? 'GET'
    const sentAt = Date.now()
    const none = (error: string): Answer => ({
      ...{ method, url, status: 0, headers: new Headers(), text: '', json: undefined },
      ...{ error, sentAt, receivedAt: Date.now() },
    })
    if (!/^https?:\/\//i.test(url) || !parseUrl(url)) return none('no http(s) URL')
    if (!(await mayReach(url))) {
      blocked.add(url)
      return none('not requested: a private address')
    }
    if (count >= MAX_REQUESTS) return none(`not asked: ${MAX_REQUESTS} requests are enough`)
    count++
    const headers = new Headers(init.headers)
    headers.set('user-agent', agent)
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(new DOMException('', 'TimeoutError')), patience)
    try {
      const response = await fetch(url, { ...init, method, headers, redirect: 'manual', signal: stop.signal })
      const receivedAt = Date.now()
      const text = whole ? await readText(response) : ''
      if (!whole) await response.body?.cancel().catch(() => {})
      const { status } = response
      const json = parse(text, response.headers)
      return {
        method,
        url,
        status,
        headers: response.headers,
        text,
        json,
        error: undefined,
        sentAt,
        receivedAt,
      }
    } catch (error) {
      return none(describe(error, patience))
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    send(url, init = {}) {
      if ((init.method ?? 'GET') !== 'GET') return ask(url, init, timeout, true)
      const key = `${url} ${JSON.stringify([...new Headers(init.headers)])}`
      const answer = known.get(key) ?? ask(url, init, timeout, true)
      known.set(key, answer)
      return answer
    },
    open: (url, init, patience) => ask(url, init, patience, false),
    count: () => count,
    blocked: () => [...blocked],
  }
}

/** Reads the body, or nothing of one that is too large to be a document. */
const readText = (response: Response): Promise<string> =>
  readCapped(response.body, { limit: MAX_BODY, lenient: true }).catch((error: unknown) => {
    if (error instanceof BodyTooLarge) return ''
    throw error
  })

function parse(text: string, headers: Headers): Answer['json'] {
  if (!/^application\/([\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function describe(error: unknown, patience: number): string {
  if ((error as Error)?.name === 'TimeoutError') return `no answer within ${patience / 1000} s`
  return whyNot(error)
}

/** An answer in a few words: its status, and what kind of body it has. */
export function sketch(answer: Answer): string {
  if (answer.error !== undefined) return answer.error
  const { error } = answer.json ?? {}
  if (typeof error === 'string') return `${answer.status} ${show(error)}`
  const location = answer.headers.get('location')
  if (location !== null) return `${answer.status} to ${show(location)}`
  const type = answer.headers.get('content-type')?.split(';')[0]
  return `${answer.status}${type ? ` ${show(type)}` : ''}`
}
