import { seconds } from '../timing.ts'

/**
 * Returns the seconds for which a response may be used again by its headers, at most a day. Returns 0 if it must not be
 * stored.
 *
 * @see [RFC 9111 §4.2](https://www.rfc-editor.org/rfc/rfc9111#section-4.2)
 */
export function freshFor(headers: Headers): number {
  const directives = (headers.get('cache-control') ?? '').toLowerCase().split(',')
  const value = (name: string): string | undefined =>
    directives.map((one) => one.trim().split('=', 2)).find(([key]) => key === name)?.[1] ?? undefined
  const has = (name: string) => directives.some((one) => one.trim().split('=', 1)[0] === name)
  if (has('no-store') || has('no-cache')) return 0
  const maxAge = /^"?(\d+)"?$/.exec(value('max-age') ?? '')?.[1]
  if (maxAge !== undefined) return bound(Number(maxAge) - secondsOf(headers.get('age')))
  const expires = headers.get('expires')
  if (expires === null) return seconds.documentFresh
  const [until, from] = [Date.parse(expires), Date.parse(headers.get('date') ?? '')]
  // An invalid date counts as expired.
  return Number.isNaN(until)
    ? 0
    : bound(Math.floor((until - (Number.isNaN(from) ? Date.now() : from)) / 1000))
}

const bound = (value: number): number => Math.min(Math.max(value, 0), seconds.documentFreshMost)

const secondsOf = (text: string | null): number => (/^\d+$/.test(text ?? '') ? Number(text) : 0)
