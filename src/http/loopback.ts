import { isWithin } from './address.ts'
import { parseUrl } from './parse-url.ts'

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Tells whether a host is the machine itself, spelled as `URL.hostname` spells it. Other addresses of 127.0.0.0/8 and
 * names below `.localhost` do not count, because not every system resolves them to itself.
 */
export const isLoopbackHost = (hostname: string): boolean => LOOPBACK.has(hostname)

/** Tells whether a server that listens at a host can be reached from this machine only. */
export const isLoopbackListener = (hostname: string): boolean =>
  isLoopbackHost(hostname) || isWithin(hostname, ['127.0.0.0/8', '::1'])

/** Tells whether a URL leads to the machine itself. */
export const isLoopbackUrl = (url: string): boolean => isLoopbackHost(parseUrl(url)?.hostname ?? '')
