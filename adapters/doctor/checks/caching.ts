import { type Finding, fail, ok, show, warn } from '../finding.ts'
import type { Check } from '../world.ts'

const DAY = 86_400

/** Metadata may be kept for a while, and not for long: a change has to reach clients (RFC 8414 §3.2). */
export const caching: Check = ({ resource, server }) => {
  const [id, title] = ['metadata.caching', 'Metadata is kept for a sensible time']
  const bad = [resource, server]
    .map((found) => found && judgeOne(found.url, found.answer.headers))
    .find(Boolean)
  return resource || server ? [bad ?? ok(id, title)] : []

  function judgeOne(url: string, headers: Headers): Finding | undefined {
    const value = headers.get('cache-control') ?? ''
    const age = Number(/\b(?:s-maxage|max-age)\s*=\s*"?(\d+)/i.exec(value)?.[1] ?? 0)
    const seen = `${show(url)}: Cache-Control: ${show(value)}`
    if (age > 7 * DAY || /\bimmutable\b/i.test(value)) {
      return fail(id, title, {
        seen,
        expected: 'an hour or so: public, max-age=3600',
        fix: 'Shorten max-age, at the proxy in front too: what changes here would reach clients too late.',
      })
    }
    if (!/\b(no-store|no-cache|private)\b/i.test(value)) return undefined
    return warn(id, title, {
      seen,
      expected: 'an hour or so: public, max-age=3600',
      fix: 'Let metadata be cached: it is public, and clients ask for it often.',
    })
  }
}
