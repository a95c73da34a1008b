import { fieldText } from '../http/field-text.ts'
import { isAscii, parseUrl } from '../http/parse-url.ts'
import { parseTarget } from '../http/target.ts'
import type { Resource } from '../options/options.ts'
import { type FixedQuery, fixQuery } from './query.ts'

/** A configured MCP server that requests are forwarded to. */
export interface Destination {
  readonly resource: Resource
  readonly url: URL
  readonly query: FixedQuery
  /** The path of its URL without trailing slashes. Empty for the root. */
  readonly base: string
}

/** An address of an MCP server, as the public sees it. */
export interface PublicAddress {
  readonly destination: Destination
  readonly href: string
  /** The same address at the MCP server, for a request of the proxy. */
  readonly inner: string
}

/** The MCP servers that requests are forwarded to. */
export interface Destinations {
  of(resource: Resource): Destination | undefined
  /**
   * Translates an address that an MCP server wrote into a header.
   *
   * @param field The address, as the runtime reads the header.
   * @param base The URL that it answered for, which relative addresses belong to.
   * @returns The public address; the text itself if it names another host; `undefined` if it names a place at an MCP
   * server that no configured path leads to.
   */
  translate(field: string, base: string): PublicAddress | string | undefined
}

/** @param origin The public origin. */
export function createDestinations(resources: readonly Resource[], origin: string): Destinations {
  const all = resources.flatMap((resource): Destination[] => {
    if (!('url' in resource.target)) return []
    const { url } = resource.target
    return [{ resource, url, query: fixQuery(url.search), base: url.pathname.replace(/\/+$/, '') }]
  })
  // The server with the longest path owns an address, as in routing.
  const longestFirst = [...all].sort((a, b) => b.base.length - a.base.length)

  function publicAddress(at: URL, destination: Destination): PublicAddress | undefined {
    const { resource, url, base, query } = destination
    const rest = at.pathname.slice(base.length)
    const target = readable((resource.path + rest || '/') + at.search)
    if (!target) return undefined
    const search = query.without(target.search)
    return {
      destination,
      href: origin + target.path + search + at.hash,
      inner: url.origin + (rest === '' ? url.pathname : base + rest) + query.with(search),
    }
  }

  return {
    of: (resource) => all.find((one) => one.resource === resource),
    translate(field, base) {
      const text = fieldText(field)
      const at = text === undefined ? undefined : parseUrl(text, base)
      if (text === undefined || !at) return undefined
      // Behind a proxy, many servers build addresses of their own host with the public scheme, and so with its port.
      const here = longestFirst.filter(
        ({ url }) => url.hostname === at.hostname && (url.port === at.port || at.port === ''),
      )
      // A header holds bytes: what is not ASCII goes out encoded.
      if (at.origin === origin || here.length === 0) return isAscii(text) ? text : at.href
      const found = here.find(({ base }) => at.pathname === base || at.pathname.startsWith(`${base}/`))
      return found && publicAddress(at, found)
    },
  }
}

/** Returns a target that this proxy would accept from a client, or `undefined`. */
function readable(target: string): { path: string; search: string } | undefined {
  try {
    return parseTarget(target, 'localhost')
  } catch {
    return undefined
  }
}
