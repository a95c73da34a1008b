import type { Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import { seconds } from '../timing.ts'

/**
 * Serves the public keys of signed tokens.
 *
 * @see [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)
 */
export const keysEndpoint: Endpoint = async (_request, { signer }) =>
  cacheableJson(signer ? await signer.published() : { keys: [] }, seconds.keysCached)
