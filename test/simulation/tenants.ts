import { oauth2 } from 'lockgate/providers/oauth2'
import { PROVIDER } from './model-provider.ts'

/**
 * The tenants of a history with tenants: one address, one provider, an application there for each. The same person has an
 * account at both, so that nothing but the tenant tells them apart.
 */
export const TENANTS = ['acme', 'bolt'] as const

export type Tenant = (typeof TENANTS)[number]

/** The application of a proxy without tenants. */
export const ONLY = 'lockgate'

/** Every fourth history has tenants. The seed decides, so that the decisions of the others stay as they are. */
export const hasTenants = (seed: number): boolean => seed % 4 === 3

export const otherTenant = (tenant: Tenant): Tenant => (tenant === 'acme' ? 'bolt' : 'acme')

const HEADER = 'x-tenant'

/** The header that names the tenant of a request. A gateway would set it. */
export const tenantHeader = (tenant: Tenant | undefined): Record<string, string> =>
  tenant === undefined ? {} : { [HEADER]: tenant }

export const tenantOf = (request: Request): Tenant | undefined =>
  TENANTS.find((tenant) => tenant === request.headers.get(HEADER))

const application = (clientId: string) =>
  oauth2({ ...PROVIDER, id: clientId, clientId, clientSecret: 'a secret at the provider' })

const applications = new Map(TENANTS.map((tenant) => [tenant, application(tenant)]))

/** The option `upstream` of an instance. */
export const upstreamOf = (tenants: boolean) =>
  tenants
    ? (request: Request) => applications.get(tenantOf(request)!)
    : oauth2({ ...PROVIDER, clientId: ONLY, clientSecret: 'a secret at the provider' })

/** A person at an application, as the ledger names them. */
export const personOf = (user: string, tenant: string = ONLY): string =>
  tenant === ONLY ? user : `${user} of ${tenant}`

/** The user that a person is, at whichever tenant. */
export const userOf = (person: string): string => person.split(' of ')[0]!
