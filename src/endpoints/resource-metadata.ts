import type { Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import type { Resource } from '../options/options.ts'
import { resourceMetadata } from '../protocol/documents.ts'
import { seconds } from '../timing.ts'

/** The rest of an address below a resource, which may repeat in headers and documents as it is. */
const REST = /^(\/[\w.~!$&'()*+,:@%=-]+)*\/?$/
const MAX_REST = 512

/**
 * Serves the metadata of a resource, also for addresses below it and with a trailing slash. The document names the
 * address that was asked for, because clients compare it with the URL that they were given.
 *
 * @param path The document's path for the resource itself.
 * @see [RFC 9728 §3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3)
 */
export const resourceMetadataEndpoint =
  (resource: Resource, path: string): Endpoint =>
  (request, { settings }) => {
    const rest = new URL(request.url).pathname.slice(path.length)
    const address = isPlain(rest) ? resource.id + rest : resource.id
    return cacheableJson(resourceMetadata(resource, settings.issuer, address), seconds.metadataCached)
  }

/** Returns the URL of the metadata document for the address of a request at or below a resource. */
export function metadataUrlFor(resource: Resource, pathname: string): string {
  const rest = pathname.slice(resource.path.length)
  // The root is spelled with and without its slash.
  return rest !== '/' || resource.path !== ''
    ? resource.metadataUrl + (isPlain(rest) ? rest : '')
    : resource.metadataUrl
}

const isPlain = (rest: string): boolean => rest.length <= MAX_REST && REST.test(rest)
