import type { Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import type { Resource } from '../options/options.ts'
import { resourceMetadata } from '../protocol/documents.ts'
import { seconds } from '../timing.ts'

/** @see [RFC 9728 §3](https://www.rfc-editor.org/rfc/rfc9728#section-3) */
export const resourceMetadataEndpoint =
  (resource: Resource): Endpoint =>
  (_request, { settings }) =>
    cacheableJson(resourceMetadata(resource, settings.issuer), seconds.metadataCached)
