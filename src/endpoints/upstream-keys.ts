import type { Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import type { ClientKey } from '../providers/parts/client-assertion.ts'
import { seconds } from '../timing.ts'
import { publishedKeys } from '../upstream/client-assertion.ts'

/**
 * Serves the public keys by which this application proves itself at its providers, for those that read them from an address.
 *
 * @see [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)
 */
export const upstreamKeysEndpoint =
  (keys: readonly ClientKey[]): Endpoint =>
  async () =>
    cacheableJson({ keys: (await Promise.all(keys.map(publishedKeys))).flat() }, seconds.keysCached)
