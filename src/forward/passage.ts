import type { HeaderFields } from '../http/head.ts'
import type { Editor } from './editor.ts'

/** A decision about a request, made from its head alone, or a request for its body. */
export type Verdict = Decided | Inspection

/** A decision that needs nothing more of the request. */
export type Decided =
  /** Send this response: a refusal, a challenge, a preflight response or a page. */
  | { readonly type: 'answer'; readonly response: Response }
  /**
   * Pass the whole request, the very one whose head was judged, to `handle` once. It never rejects. Send its response.
   */
  | { readonly type: 'handle'; handle(request: Request): Promise<Response> }
  /** Carry the request to the MCP server, and the response back. */
  | { readonly type: 'forward'; readonly passage: Passage }

/** The reason why a body was not read to its end. */
export type UnreadBody =
  /** It is over the limit. */
  | 'too-large'
  /** It did not arrive in time. */
  | 'too-slow'
  /** {@link Inspection.hold} refused a chunk. */
  | 'no-room'

/**
 * A request whose body decides, because rules for tools or public tools are configured. It counts as open until it is
 * judged or abandoned.
 */
export interface Inspection {
  readonly type: 'inspect'
  /** The most bytes that the body may have. */
  readonly limit: number
  /**
   * Counts a chunk of the body, which stays in memory. The carrier calls it before it keeps a chunk.
   *
   * @returns `false` if there is no room for it. The carrier then stops reading.
   */
  hold(bytes: number): boolean
  /**
   * Judges the body. The carrier reads it, calls this once, and then sends on exactly these bytes. Never throws, and its
   * promise never rejects.
   *
   * @param body The whole body, empty if there is none, or the reason why it was not read.
   */
  judge(body: Uint8Array | UnreadBody): Decided | Promise<Decided>
  /** Tells that the client left before its body was read. The carrier calls it instead of {@link judge}. */
  abandoned(): void
}

/** A request to an MCP server, without its body. Does no I/O: a carrier moves the bodies, and decides nothing. */
export interface Passage {
  readonly method: string
  readonly url: string
  /**
   * Complete and in order, names in lower case. Never `host`, `content-length`, `transfer-encoding` or `expect`: message
   * framing belongs to the carrier.
   */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /**
   * Judges the head of the response. The carrier calls it once. Never throws, and its promise never rejects.
   *
   * @param repeatable `true` if the carrier can send the same request body again.
   */
  answered(status: number, headers: HeaderFields, repeatable?: boolean): Delivery | Promise<Delivery>
  /**
   * Returns the response for a request that got none. The carrier calls it instead of {@link answered}, or after it if the
   * body broke before anything was sent.
   */
  failed(cause: unknown): Response
  /**
   * Tells that the body of a delivered response broke off, although the client is still there. A carrier calls it as far as
   * its runtime tells. Only an event follows.
   */
  brokeOff(cause: unknown): void
  /** Tells that the client left before the head of a response came. The carrier calls it instead of {@link answered}. */
  abandoned(): void
}

/** A decision about a response, made from its head alone. */
export type Delivery =
  /** Send this status, these headers, and then the body. */
  | {
      readonly type: 'deliver'
      readonly status: number
      /** Names in lower case. `set-cookie` may repeat. */
      readonly headers: readonly (readonly [name: string, value: string])[]
      /** Set for an event stream, which the carrier must be able to end. */
      readonly stream: OpenStream | undefined
      /** Set if the body has to be changed, or looked at, on its way. The headers then contain no length. */
      readonly edit?: Editor | undefined
    }
  /** Read the whole body, and send the response that `finish` makes of it. */
  | {
      readonly type: 'collect'
      readonly status: number
      /** The most bytes that the body may have. */
      readonly limit: number
      /** Never throws. @param body `undefined` for a body over the limit, or one that broke. */
      finish(body: Uint8Array | undefined): Response
    }
  /** Discard the body, and send this response. */
  | { readonly type: 'replace'; readonly response: Response }
  /** Discard the body, and send the same body again, to another address or with another token. Only if the carrier said `repeatable`. */
  | { readonly type: 'again'; readonly passage: Passage }

/** An event stream that is open. */
export interface OpenStream {
  /**
   * Registers the function that ends the stream. It is called at most once: when the access token expires, when the grant
   * is revoked, or when the server stops.
   */
  onEnd(end: () => void): void
  /** Tells that the stream is over. The carrier calls it in every case, also after `end`. */
  closed(): void
}
