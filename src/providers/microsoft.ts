import {
  defineProvider,
  guid,
  host,
  list,
  optional,
  type ProviderFactory,
  text,
  withDefault,
} from './define.ts'
import { GUID, WrongInput } from './parts/inputs.ts'
import type { IssuerRule } from './parts/issuer.ts'
import { OFFLINE } from './parts/openid.ts'

/** The accounts that may sign in. */
export interface MicrosoftOptions {
  /** A tenant's GUID, one of its domains, `organizations`, `consumers` or `common`. */
  tenant: string
  /** The GUIDs of the tenants that are allowed, with `common` or `organizations`. */
  tenants?: string | readonly string[] | undefined
  /** The host, for a national cloud. */
  authority?: string | undefined
}

/** The tenant of all personal accounts. */
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const SCOPES = [...OFFLINE, 'User.Read']

const tenant = text(
  'a tenant: its GUID, one of its domains, `organizations`, `consumers` or `common`',
  /^[a-z0-9][a-z0-9.-]{0,252}$/i,
)

/** Returns the rule about the tenants of `common`, `organizations` and a domain. Each ID token names its tenant. */
function manyTenants(tenant: string, allow: readonly string[] | undefined): IssuerRule {
  return {
    type: 'template',
    placeholder: '{tenantid}',
    claim: 'tid',
    pattern: GUID,
    allow: tenant === 'consumers' ? [CONSUMERS] : allow?.map((id) => id.toLowerCase()),
    // The keys of the two overlap, so the signature does not tell them apart.
    deny: tenant === 'organizations' ? [CONSUMERS] : undefined,
  }
}

/**
 * Microsoft Entra ID, for one tenant or several. A person is the `oid` within the `tid`. Its e-mail addresses are not
 * verified. It cannot revoke tokens.
 *
 * @see [Microsoft identity platform](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow)
 */
export const microsoft: ProviderFactory<'optional', MicrosoftOptions> = defineProvider({
  id: 'microsoft',
  name: 'Microsoft',
  docs: 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    tenant,
    tenants: optional(list(guid)),
    authority: withDefault(host, 'login.microsoftonline.com'),
  },
  parts: ({ tenant, tenants, authority }) => {
    if (tenants && tenant !== 'common' && tenant !== 'organizations')
      throw new WrongInput('tenants', 'is only for the tenant `common` or `organizations`')
    const several = ['common', 'organizations', 'consumers'].includes(tenant)
    const single: IssuerRule = { type: GUID.test(tenant) ? 'exact' : 'adopt' }
    return {
      issuer: `https://${authority}/${several ? '{tenantid}' : tenant.toLowerCase()}/v2.0`,
      publicAccounts: several && !tenants,
      issuerRule: several ? manyTenants(tenant, tenants) : single,
      discovery: { url: `https://${authority}/${tenant}/v2.0/.well-known/openid-configuration` },
      clientAuth: 'client_secret_post',
      scopes: SCOPES,
      responseMode: 'query',
      exchangeScope: 'same',
      refreshScope: 'same',
      rotation: 'always',
      identity: {
        from: 'id_token',
        subject: 'oid',
        tenant: 'tid',
        email: 'email',
        emailVerified: 'xms_edov',
        name: 'name',
      },
      revocation: { style: 'none' },
    }
  },
})
