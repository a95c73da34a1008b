import type { Resource } from '../options/options.ts'
import type { Provider } from '../providers/provider.ts'
import type { createUpstream, Upstream } from './upstream.ts'

/** The providers behind: one, several, or one for each tenant. */
export interface Upstreams {
  /** Whether each request has its own, and nothing of one tenant counts for another. */
  readonly tenants: boolean
  /** Those that one may sign in at for a resource. */
  choices(resource: Pick<Resource, 'upstream'>, request: Request): Promise<readonly Upstream[]>
  /** The one a request belongs to; `undefined` where requests belong to none. */
  tenantOf(request: Request): Promise<Upstream> | undefined
  /** Whether a grant made with a provider may be used at a resource; with tenants the request decides that. */
  serves(id: string | undefined, resource: Pick<Resource, 'upstream'>): boolean
  /**
   * The one a grant was made with; the only or first one for a grant that names none. Of tenants, only those that this
   * process has lately had a request of.
   */
  find(id: string | undefined): Upstream | undefined
}

/** What one provider's side needs beside its address for answers. */
export type UpstreamPorts = (
  provider: Provider,
) => Omit<Parameters<typeof createUpstream>[1], 'redirectUri' | 'id'>
