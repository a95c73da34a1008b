import { parseUrl } from '../../../src/internal.ts'
import { judge, show } from '../finding.ts'
import type { Check } from '../world.ts'

const WELL_KNOWN = /^\/\.well-known\/oauth-protected-resource/

/**
 * Detects a reverse proxy that removes a prefix of the path: the server then publishes addresses that do not lead back
 * to it. This one mistake breaks most other checks, so it is named first.
 */
export const prefix: Check = ({ address, pointer, resourceAnswers }) => {
  const claims = resourceAnswers.map(({ json }) => json?.resource)
  const at = pointer === undefined ? undefined : parseUrl(pointer)
  const pointed =
    at && WELL_KNOWN.test(at.pathname)
      ? at.href.replace('/.well-known/oauth-protected-resource', '')
      : undefined
  const named = [pointed, ...claims].filter(
    (url): url is string => typeof url === 'string' && parseUrl(url) !== undefined,
  )
  if (named.length === 0) return []
  const removed = named.map((url) => removedPrefix(address, url)).find((one) => one !== undefined)
  return [
    judge(
      'url.prefix',
      'The path reaches the server unchanged',
      removed === undefined
        ? undefined
        : {
            seen: `the server calls itself ${show(named[0])}`,
            expected: show(address),
            fix: `Your proxy strips the prefix ${show(removed)}. Let it pass the path unchanged, and set the public URL of the server to ${show(new URL(address).origin + removed)} (in Lockgate: \`url\`, LOCKGATE_URL).`,
          },
    ),
  ]
}

/** Returns the part of the address's path that the server does not know: `/tools` of `/tools/mcp`, if it says `/mcp`. */
export function removedPrefix(address: string, claimed: string): string | undefined {
  const [asked, own] = [new URL(address), new URL(claimed)]
  const [path, known] = [asked.pathname, own.pathname].map((one) => one.replace(/\/+$/, '')) as [
    string,
    string,
  ]
  const isShorter = path.length > known.length && path.endsWith(known)
  return asked.origin === own.origin && isShorter && known !== '' ? path.slice(0, -known.length) : undefined
}
