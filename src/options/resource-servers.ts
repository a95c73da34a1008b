import * as v from 'valibot'
import { areKeysPublic } from '../protocol/key-set.ts'
import { canonicalResource } from '../protocol/resource.ts'
import { type Entries, listOf, shape, text, type WithDefaults } from '../validation/shape.ts'
import { isTrimmed, UNTRIMMED } from '../validation/trimmed.ts'
import { type UserClaim, userClaims } from './access-token.ts'
import { areUnique, type Report } from './report.ts'
import type { Resource } from './resource.ts'

/** A server that may ask about access tokens. It is not an OAuth client, and no OAuth client is one. */
export interface ResourceServerOptions {
  /** The id that it authenticates with. */
  id: string
  /** Its secret, at least 32 characters, sent as Basic credentials. */
  secret?: string | undefined
  /** The public keys that it signs assertions with (`private_key_jwt`), instead of a secret. */
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined
  /** The URLs of the MCP servers whose tokens it may ask about. Any other token is inactive for it. */
  resources: readonly string[]
  /**
   * What the response says about the user besides the id: a verified `email`, the `name`, up to 50 `groups`.
   *
   * @default []
   */
  claims?: readonly UserClaim[] | undefined
}

/** Options about servers that ask about access tokens. */
export interface ResourceServersOptions {
  /**
   * The servers that may ask about access tokens at `/introspect` (RFC 7662). Without one there is no such address.
   *
   * @default []
   */
  resourceServers?: readonly ResourceServerOptions[] | undefined
}

const DEFAULTS = { resourceServers: [] } as const

export type ResourceServersSettings = WithDefaults<ResourceServersOptions, typeof DEFAULTS>

const keys = v.pipe(
  v.looseObject({ keys: listOf(v.record(v.string(), v.unknown()), 1) }),
  v.check((jwks) => areKeysPublic(jwks), 'expected public keys only'),
)

const resourceServer = v.pipe(
  shape({
    id: text,
    secret: v.optional(
      v.pipe(
        v.string(),
        v.check(isTrimmed, UNTRIMMED),
        v.minLength(32, 'expected at least 32 random characters'),
      ),
    ),
    jwks: v.optional(keys),
    resources: listOf(text, 1),
    claims: v.optional(userClaims),
  }),
  v.check(
    ({ secret, jwks }) => (secret === undefined) !== (jwks === undefined),
    'expected either `secret` or `jwks`',
  ),
) as unknown as v.GenericSchema<ResourceServerOptions>

export const resourceServersEntries: Entries<ResourceServersOptions, ResourceServersSettings> = {
  resourceServers: v.optional(listOf(resourceServer), DEFAULTS.resourceServers),
}

export function settleResourceServers(
  { resourceServers }: ResourceServersSettings,
  around: {
    readonly resources: readonly Resource[]
    readonly clients: readonly { readonly clientId: string }[]
  },
  report: Report,
): ResourceServersSettings {
  const ids = resourceServers.map(({ id }) => id)
  if (!areUnique(ids)) report('resourceServers', 'two resource servers share one id: give each its own')
  for (const [index, { id, resources }] of resourceServers.entries()) {
    if (around.clients.some(({ clientId }) => clientId === id)) {
      report(
        `resourceServers.${index}.id`,
        'is also a clientId, and a client must not ask about tokens: choose another id',
        'clients',
      )
    }
    for (const [place, one] of resources.entries()) {
      const known = around.resources.some((resource) => resource.id === canonical(one))
      if (!known)
        report(
          `resourceServers.${index}.resources.${place}`,
          'is not the public URL of a server in `mcp`, such as https://mcp.example.com/mcp',
          'mcp',
          'url',
        )
    }
  }
  return {
    resourceServers: resourceServers.map((one) => ({ ...one, resources: one.resources.map(canonical) })),
  }
}

function canonical(url: string): string {
  try {
    return canonicalResource(url)
  } catch {
    return url
  }
}
