import { isObject, type RpcMessage } from './json-rpc.ts'
import type { JsonScan } from './json-scan.ts'
import { subscribed } from './mcp-rules.ts'

/*
 * A weight is a number of requests, so that the limits per minute also bound what bodies cost. A request may cost about two
 * milliseconds of a core: 1200 of one user cost about two seconds of a minute, and 60 of one address a tenth of one. The
 * slowest bodies of each kind, on a core of 2022:
 *
 *   bytes    one text in 1 MiB      10 ms, worth  16 requests
 *   parts    70,000 members in 1 MiB 100 ms, worth 131 requests, and twice as long with `authorize`, which compares their names
 *   URIs     see `URI_CHARACTERS`
 */

/** Bytes of a body that are worth one request. */
const BODY_BYTES = 65_536

/** Parts of a body that are worth one request. */
const BODY_PARTS = 2000

/** Characters of one URI that are worth one request, and the most requests that one URI is worth. */
const URI_CHARACTERS = 100
const URI_MOST = 10

/** Returns the number of requests that a body is worth in addition to its own. Known before anything is read from it. */
export const weighBody = (bytes: Uint8Array, { parts }: JsonScan): number =>
  Math.floor(bytes.length / BODY_BYTES) + Math.floor(parts / BODY_PARTS)

/**
 * Returns the number of requests that messages are worth: one each. The first hundred characters of its first URI are part of
 * that, and all other URIs come in addition.
 */
export const weighMessages = (messages: readonly RpcMessage[]): number =>
  messages.reduce((sum, message) => sum + Math.max(1, weighUris(message)), 0)

const weighUris = ({ params }: RpcMessage): number =>
  [params.uri, isObject(params.ref) ? params.ref.uri : undefined, ...subscribed(params)].reduce(
    (sum: number, uri) => sum + (typeof uri === 'string' ? weighUri(uri) : 0),
    0,
  )

const weighUri = ({ length }: string): number => Math.min(Math.ceil(length / URI_CHARACTERS), URI_MOST)
