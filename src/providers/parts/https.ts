import { isLoopbackHost } from '../../http/loopback.ts'
import { parseUrl } from '../../http/parse-url.ts'

/** Tells whether a text is an https URL, or an http one on a loopback host, without user, query or fragment. */
export function isHttps(text: string): boolean {
  const url = parseUrl(text)
  if (!url) return false
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))
  return safe && !url.username && !url.password && !url.search && !url.hash
}
