import type { Provider } from '../provider.ts'

/** Kinds of rules of `allow` whose names mean something only within a tenant of the provider. */
export type TenantKinds = readonly ('group' | 'sub' | 'org' | 'team')[]

type Known = Pick<Provider, 'identity' | 'identify' | 'manyTenants'>

/**
 * Returns the kinds of rules that have to name the tenant, because users of several tenants can sign in. The administrator
 * of any tenant can choose its groups and ids. Organizations are exempt if they are the tenants themselves.
 */
export function kindsByTenant({ identity, identify, manyTenants }: Known): TenantKinds {
  const { tenant, orgs } = identity
  if (!(manyTenants ?? tenant !== undefined)) return []
  const areTenants = identify !== undefined || (orgs?.every((one) => String(one) === String(tenant)) ?? false)
  return areTenants ? ['group', 'sub'] : ['group', 'sub', 'org', 'team']
}
