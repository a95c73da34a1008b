import type { Resource } from '../options/options.ts'
import type { Provider } from '../providers/provider.ts'
import type { createUpstream, Upstream } from './upstream.ts'

/** The providers: one, several, or one for each tenant. */
export interface Upstreams {
  /** `true` if each request has its own provider. Grants of one tenant are then not valid for another. */
  readonly tenants: boolean
  /** Returns the providers that users of a resource may sign in at. */
  choices(resource: Pick<Resource, 'upstream'>, request: Request): Promise<readonly Upstream[]>
  /** Returns the provider of a request, or `undefined` if requests have none. */
  tenantOf(request: Request): Promise<Upstream> | undefined
  /** Tells whether a grant of a provider may be used at a resource. With tenants the request decides that. */
  serves(id: string | undefined, resource: Pick<Resource, 'upstream'>): boolean
  /**
   * Returns the provider of a grant, or the first one for a grant that names none. Of tenants, it knows only those that sent
   * a request to this process recently.
   */
  find(id: string | undefined): Upstream | undefined
}

/** The dependencies of one provider, except for its callback. */
export type UpstreamPorts = (
  provider: Provider,
) => Omit<Parameters<typeof createUpstream>[1], 'redirectUri' | 'id'>
