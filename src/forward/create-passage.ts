import { OAuthError } from '../errors.ts'
import type { Head, HeaderFields } from '../http/head.ts'
import type { Destination, Destinations } from './destinations.ts'
import { isEventStream, isSurelyEventStream } from './endable.ts'
import type { Delivery, Passage } from './passage.ts'
import { requestHeaders, type Told } from './request-headers.ts'
import { LARGEST_LIST, type Reshape, reshapeBody, reshapedHeaders, streamEditor, tracked } from './reshape.ts'
import { responseHeaders } from './response-headers.ts'
import type { Session } from './sessions.ts'
import type { Exchange } from './streams.ts'

/** The number of redirects of the MCP server that are followed before the client receives one. */
const MOST_REDIRECTS = 3

/** One request to an MCP server, and what becomes of its outcome. */
export interface Errand {
  readonly head: Head
  readonly destination: Destination
  readonly destinations: Destinations
  readonly told: Told
  readonly exchange: Exchange
  readonly session: Session
  /** `true` if the response only waits for what may come. */
  readonly listening: boolean
  /** The browser page that called, if one did. */
  readonly origin: string | null
  /** Changes the response on its way, or looks at it. */
  readonly reshape?: Reshape | undefined
  /** Gets another provider token after the MCP server refused this one. Absent if it got none. */
  readonly renew: (() => Promise<string>) | undefined
  /** Sends a repeatable request again with the other token. Default: the client does. */
  readonly resends?: boolean
  /** Returns the challenge for scopes that the MCP server found missing. */
  challenge(scope: string | undefined): string
  /** Reports that the request was forwarded. */
  report(status: number): void
  /** Reports a failure, and returns its response. */
  refuse(error: unknown): Response
}

const renewed = () =>
  new OAuthError('invalid_token', 'The sign-in was renewed, send the request again', {
    reason: 'provider-token-refreshed',
  })

const badGateway = (
  message: string,
  reason:
    | 'mcp-server-unreachable'
    | 'mcp-server-broke-off'
    | 'mcp-server-unauthorized'
    | 'mcp-server-redirects'
    | 'mcp-server-malformed',
  cause?: unknown,
) => new OAuthError('bad_gateway', message, { reason, ...(cause !== undefined && { cause }) })

/** The head of a response, ready for the client. */
interface Readied {
  readonly status: number
  readonly list: readonly (readonly [string, string])[]
}

const withoutLength = (list: Readied['list']) => list.filter(([name]) => name !== 'content-length')

/** Prepares a request for a carrier. */
export function createPassage(errand: Errand): Passage {
  const { head, destination } = errand
  const { resource, url, base, query } = destination
  const rest = head.path === '/' && resource.path === '' ? '' : head.path.slice(resource.path.length)
  // A configured path keeps its own trailing slash, or the lack of one.
  const address = url.origin + (rest === '' ? url.pathname : base + rest) + query.with(head.search)
  return passageTo(address, errand, requestHeaders(head.headers, errand.told), {
    redirects: 0,
    renewed: false,
  })
}

function passageTo(
  url: string,
  errand: Errand,
  headers: readonly (readonly [string, string])[],
  before: { readonly redirects: number; readonly renewed: boolean },
): Passage {
  const { head, exchange } = errand
  const { redirects, renewed: hasNewToken } = before

  const replace = (error: unknown): Delivery => {
    exchange.closed()
    errand.reshape?.over?.()
    return { type: 'replace', response: errand.refuse(error) }
  }

  function judge(status: number, fields: HeaderFields, repeatable: boolean): Delivery | Promise<Delivery> {
    if (!(status >= 200 && status <= 599)) {
      return replace(badGateway('The MCP server sent a status that is not valid', 'mcp-server-malformed'))
    }
    if (status === 401 || status === 407) {
      if (!errand.renew || status === 407 || hasNewToken) {
        // It refuses the proxy, not the user: a challenge would send the client round in circles.
        return replace(badGateway('The MCP server refuses this proxy', 'mcp-server-unauthorized'))
      }
      if (errand.resends && repeatable) {
        return errand.renew().then((token): Delivery => {
          const others = headers.filter(([name]) => name !== 'authorization')
          const next = [...others, ['authorization', `Bearer ${token}`] as const]
          return { type: 'again', passage: passageTo(url, errand, next, { redirects, renewed: true }) }
        }, replace)
      }
      // The request's body is gone. A 401 makes clients refresh their own token, and send the request again.
      return errand.renew().then(() => replace(renewed()), replace)
    }
    const location = fields.get('location')
    if (location !== null && status >= 300 && status < 400) {
      const to = errand.destinations.translate(location, url)
      if (to === undefined) {
        return replace(
          badGateway('The MCP server redirects to an address outside `mcp`', 'mcp-server-redirects'),
        )
      }
      const follows =
        repeatable &&
        (status === 307 || status === 308) &&
        redirects < MOST_REDIRECTS &&
        typeof to === 'object'
      // Another server of this proxy may need other scopes, so the client has to go there itself.
      if (follows && to.destination.resource === errand.destination.resource) {
        return {
          type: 'again',
          passage: passageTo(to.inner, errand, headers, { ...before, redirects: redirects + 1 }),
        }
      }
    }
    return deliver(status, fields)
  }

  function deliver(status: number, fields: HeaderFields): Delivery {
    const translate = (address: string) => {
      const to = errand.destinations.translate(address, url)
      return typeof to === 'object' ? to.href : to
    }
    const list = responseHeaders(
      fields,
      { address: translate, session: (id) => errand.session.toClient(id) },
      errand.origin,
    )
    const scopes = status === 403 ? missingScopes(fields.get('www-authenticate')) : undefined
    if (scopes) list.push(['www-authenticate', errand.challenge(scopes.scope)])
    const type = fields.get('content-type')
    const isStream = isEventStream(type) && hasBody(head.method, status)
    // A client could read as JSON a list that was looked for in events.
    if (isStream && errand.reshape?.changes && !isSurelyEventStream(type)) {
      return replace(badGateway('The MCP server sent an unclear content type', 'mcp-server-malformed'))
    }
    errand.report(status)
    if (errand.reshape && hasBody(head.method, status)) {
      return reshaped(errand.reshape, { status, list, fields, isStream })
    }
    errand.reshape?.answered?.(status)
    errand.reshape?.over?.()
    if (!isStream) exchange.closed()
    return {
      type: 'deliver',
      status,
      headers: list,
      stream: isStream ? exchange.stream(errand.listening) : undefined,
    }
  }

  /** Delivers a response whose body is changed, or looked at. */
  function reshaped(
    reshape: Reshape,
    {
      status,
      list,
      fields,
      isStream,
    }: Readied & { readonly fields: HeaderFields; readonly isStream: boolean },
  ): Delivery {
    reshape.answered?.(status)
    if (!isStream && reshape.whole(status)) {
      const finish = (body: Uint8Array | undefined): Response => {
        exchange.closed()
        const changed = reshapeBody(reshape, body, fields)
        reshape.over?.()
        if (changed)
          return new Response(changed.length > 0 ? changed : null, { status, headers: reshapedHeaders(list) })
        const cause = new TypeError('The list of the MCP server cannot be read, so it was not sent on')
        return errand.refuse(
          badGateway('The MCP server sent a list that is not valid', 'mcp-server-malformed', cause),
        )
      }
      return { type: 'collect', status, limit: LARGEST_LIST, finish }
    }
    const edit = isStream ? streamEditor(reshape) : reshape.watch?.()
    if (!edit) {
      exchange.closed()
      return { type: 'deliver', status, headers: list, stream: undefined }
    }
    const stream = exchange.stream(errand.listening)
    return {
      type: 'deliver',
      status,
      headers: isStream && reshape.changes ? reshapedHeaders(list) : withoutLength(list),
      stream: tracked(stream, reshape),
      edit,
    }
  }

  return {
    method: head.method,
    url,
    headers,
    answered(status, fields, repeatable = false) {
      try {
        return judge(status, fields, repeatable)
      } catch (error) {
        return replace(error)
      }
    },
    failed(cause) {
      exchange.closed()
      errand.reshape?.over?.()
      return errand.refuse(badGateway('The MCP server does not respond', 'mcp-server-unreachable', cause))
    },
    brokeOff(cause) {
      errand.refuse(badGateway('The response of the MCP server broke off', 'mcp-server-broke-off', cause))
    },
    abandoned() {
      exchange.closed()
      errand.reshape?.over?.()
    },
  }
}

/** Returns whether a response may have a body (RFC 9110 §6.4.1). */
export const hasBody = (method: string, status: number): boolean =>
  method !== 'HEAD' && status !== 204 && status !== 205 && status !== 304

/**
 * Returns the scopes that a challenge says are missing, or `undefined` if it says something else.
 *
 * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
 */
function missingScopes(challenge: string | null): { scope: string | undefined } | undefined {
  if (challenge === null || !/\berror\s*=\s*"?insufficient_scope\b/i.test(challenge)) return undefined
  return { scope: /\bscope\s*=\s*"([^"\\]*)"/i.exec(challenge)?.[1] }
}
