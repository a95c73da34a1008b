import type { Context, Endpoint } from '../context.ts'
import { cacheableJson } from '../http/responses.ts'
import { openidConfiguration, serverMetadata } from '../protocol/documents.ts'
import { seconds } from '../timing.ts'
import { offeredGrantTypes } from './token/grant-types.ts'

/** @see [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3) */
export const serverMetadataEndpoint: Endpoint = (_request, ctx) =>
  cacheableJson(metadataOf(ctx), seconds.metadataCached)

/**
 * Serves the same metadata for clients that look below the issuer's path. The only address that they know there is that
 * of OpenID Connect.
 */
export const openidConfigurationEndpoint: Endpoint = (_request, ctx) =>
  cacheableJson(openidConfiguration(metadataOf(ctx), ctx.settings.issuer), seconds.metadataCached)

const metadataOf = ({ settings, clients, signer, announced }: Context): Record<string, unknown> =>
  serverMetadata({
    issuer: settings.issuer,
    scopes: Object.keys(settings.scopes),
    registers: clients.register !== undefined,
    documents: clients.documents !== undefined && announced.documents,
    grantTypes: offeredGrantTypes(settings).map(({ name }) => name),
    idJag: settings.trustedIssuers.some(({ use }) => use.includes('id-jag')),
    assertions:
      clients.register !== undefined ||
      clients.documents !== undefined ||
      settings.clients.some(({ jwks, jwksUri }) => (jwks ?? jwksUri) !== undefined),
    issParameter: settings.discovery.issParameter,
    signs: signer !== undefined,
    introspection: settings.resourceServers.map(({ jwks }) =>
      jwks ? 'private_key_jwt' : 'client_secret_basic',
    ),
    verified: settings.resources.filter(({ signed }) => signed).map(({ id }) => id),
  })
