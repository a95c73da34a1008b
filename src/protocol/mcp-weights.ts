import { isObject, type RpcMessage } from './json-rpc.ts'
import type { JsonScan } from './json-scan.ts'
import { subscribed } from './mcp-rules.ts'

/*
 * A weight is a number of requests, so that the limits per minute also bound what bodies cost. A request is worth one or two
 * milliseconds of a core: 1200 of one user cost a second or two of each minute, and 60 of one address a tenth of one. The
 * slowest bodies of each kind, in milliseconds of CPU:
 *
 *   a text of 1 MiB                             10 ms,  16 requests
 *   70,000 members in 1 MiB                    100 ms, 131 requests; with `authorize`, which compares the names, 230 ms
 *   a URI of 100 characters that was packed again and again    1.2 ms,  1 request
 *   a URI of 1,000 characters or more of that kind               5 ms, 10 requests
 *
 * A server with rules for resources and public resources judges a URI up to three times.
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
