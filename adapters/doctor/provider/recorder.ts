import type { Fetch } from '../../../src/index.ts'
import { whyNot } from '../unreached.ts'

/** One request to the provider, without its contents. */
export interface Sent {
  readonly url: string
  readonly method: string
  /** 0 without a response. */
  readonly status: number
  /** Why there was none. */
  readonly error?: string
  readonly json: Readonly<Record<string, unknown>> | undefined
  /** The `Date` header. */
  readonly date: string | undefined
  /** Milliseconds since the epoch. */
  readonly sentAt: number
  readonly receivedAt: number
}

/** A `fetch` that keeps what it saw. */
export interface Recorder {
  readonly fetch: Fetch
  readonly sent: readonly Sent[]
  /** Returns the requests since a position of {@link sent}. */
  since(position: number): readonly Sent[]
}

export function createRecorder(fetch: Fetch): Recorder {
  const sent: Sent[] = []
  return {
    sent,
    since: (position) => sent.slice(position),
    async fetch(url, init) {
      const about = { url, method: init.method ?? 'GET', sentAt: Date.now() }
      try {
        const response = await fetch(url, init)
        const receivedAt = Date.now()
        const json = parse(await response.clone().text())
        const date = response.headers.get('date') ?? undefined
        sent.push({ ...about, status: response.status, json, date, receivedAt })
        return response
      } catch (error) {
        const none = { status: 0, error: whyNot(error), json: undefined, date: undefined }
        sent.push({ ...about, ...none, receivedAt: Date.now() })
        throw error
      }
    },
  }
}

function parse(text: string): Sent['json'] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** A text without blanks and brackets, such as an error code. Anything else could be a token or a person's name. */
const CODE = /^[a-z][a-z0-9_.-]{0,60}$/i

/** Returns the status and the error code of a refusal, and never its sentence. */
export function refusalOf(one: Sent | undefined): string {
  if (one === undefined) return 'no request was sent'
  if (one.status === 0) return `no response (${one.error ?? 'unknown'})`
  const { json = {} } = one
  const code = [json.error, json.error_code, json.code, json.category, json.status, json.ECODE].find(
    (value): value is string => typeof value === 'string' && CODE.test(value),
  )
  return `${one.status} ${code ?? 'without an error code'}`
}
