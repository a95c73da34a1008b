import type { Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import { serverMetadata } from '../protocol/documents.ts'
import { seconds } from '../timing.ts'

/** @see [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3) */
export const serverMetadataEndpoint: Endpoint = (_request, { settings, clients }) =>
  cacheableJson(
    serverMetadata({
      issuer: settings.issuer,
      scopes: Object.keys(settings.scopes),
      registers: clients.register !== undefined,
      documents: clients.documents !== undefined,
      clientCredentials: settings.clients.some((client) => client.clientCredentials === true),
      assertions:
        clients.documents !== undefined ||
        settings.clients.some(({ jwks, jwksUri }) => (jwks ?? jwksUri) !== undefined),
    }),
    seconds.metadataCached,
  )
