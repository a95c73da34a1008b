import * as v from 'valibot'
import { type Entries, flag, shape, type WithDefaults } from '../validation/shape.ts'
import type { Report } from './report.ts'
import type { Resource } from './resource.ts'

/** Options about the metadata documents by which clients find this server. */
export interface DiscoveryFamily {
  /** The metadata documents by which clients find this server. */
  discovery?: DiscoveryOptions | undefined
}

/** The metadata documents by which clients find this server. */
export interface DiscoveryOptions {
  /**
   * Serves the server's metadata also at the root of the host, if `url` has a path, because some clients look only there.
   * Set it to `false` if another authorization server has its metadata there.
   *
   * @default true
   */
  atRoot?: boolean | undefined
  /**
   * Serves the documents also below the path of `url`, and points clients there. For operators who own nothing else of
   * the host.
   *
   * @default false
   */
  belowPath?: boolean | undefined
  /**
   * Announces in the metadata that responses carry `iss` (RFC 9207). They do so in any case. Set it to `false` for clients
   * that lose the parameter and then refuse the response.
   *
   * @default true
   */
  issParameter?: boolean | undefined
  /**
   * Serves the metadata also as an OpenID configuration, for relying parties that know no other form, such as the federated
   * credentials of a cloud. Needs a server with signed access tokens.
   *
   * @default false
   */
  openid?: boolean | undefined
}

const DOCUMENTS = { atRoot: true, belowPath: false, issParameter: true, openid: false } as const
const DEFAULTS = { discovery: {} } as const

export interface DiscoverySettings {
  readonly discovery: WithDefaults<DiscoveryOptions, typeof DOCUMENTS>
}

export const discoveryEntries: Entries<DiscoveryFamily, DiscoverySettings> = {
  discovery: v.optional(
    shape({
      atRoot: v.optional(flag, DOCUMENTS.atRoot),
      belowPath: v.optional(flag, DOCUMENTS.belowPath),
      issParameter: v.optional(flag, DOCUMENTS.issParameter),
      openid: v.optional(flag, DOCUMENTS.openid),
    }),
    DEFAULTS.discovery,
  ),
}

export function checkDiscovery(
  { discovery }: DiscoverySettings,
  { resources }: { readonly resources: readonly Resource[] },
  report: Report,
): void {
  if (discovery.openid && !resources.some(({ signed }) => signed)) {
    report(
      'discovery.openid',
      'needs a server with `accessToken: { format: "jwt" }`: without one there are no keys',
      'mcp',
    )
  }
}
