import * as v from 'valibot'

/** The metadata documents by which clients find this server. */
export interface DiscoveryOptions {
  /**
   * With a path in `url`: whether the server's metadata is also served at the root of the host, because some clients look
   * only there. Switch it off if another authorization server has its metadata there. Default: `true`.
   */
  atRoot?: boolean
  /**
   * With a path in `url`: whether the documents are also served below that path, and clients are pointed there. For
   * operators who own nothing else of the host. Default: `false`.
   */
  belowPath?: boolean
  /**
   * Whether the metadata says that responses carry `iss` (RFC 9207). They do so in any case. Switch it off for clients
   * that lose the parameter and then refuse the response. Default: `true`.
   */
  issParameter?: boolean
}

export const DiscoverySchema: v.GenericSchema<DiscoveryOptions, Required<DiscoveryOptions>> = v.strictObject({
  atRoot: v.exactOptional(v.boolean(), true),
  belowPath: v.exactOptional(v.boolean(), false),
  issParameter: v.exactOptional(v.boolean(), true),
})
