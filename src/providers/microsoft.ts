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
import { MICROSOFT_ERRORS } from './parts/microsoft.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim, exactly, GUIDS, type RuleNames } from './parts/rule-names.ts'
import type { RefreshErrorRule } from './provider.ts'

/** The accounts that may sign in. */
export interface MicrosoftOptions {
  /** A tenant's GUID, one of its domains, `organizations`, `consumers` or `common`. */
  tenant: string
  /** With `common` or `organizations`: the GUIDs of the tenants that are allowed. */
  tenants?: string | readonly string[] | undefined
  /** The host, for a national cloud. */
  authority?: string | undefined
}

/** The tenant of all personal accounts. */
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const SCOPES = [...OFFLINE, 'User.Read']

/** The application was removed or disabled in the user's own tenant. In a single tenant, the operator has to act. */
const REMOVED: readonly RefreshErrorRule[] = [
  { error: 'unauthorized_client', description: /AADSTS(700016|7000112)\b/, means: 'final' },
]

const tenant = text(
  'a tenant: its GUID, one of its domains, `organizations`, `consumers` or `common`',
  /^[a-z0-9][a-z0-9.-]{0,252}$/i,
)

/** The rule for several tenants: each ID token names its own, the metadata does not. */
function tenantRule(tenant: string, allow: readonly string[] | undefined): IssuerRule {
  return {
    type: 'template',
    placeholder: '{tenantid}',
    claim: 'tid',
    pattern: GUID,
    allow: tenant === 'consumers' ? [CONSUMERS] : allow?.map((id) => id.toLowerCase()),
    // The same keys sign for both, so the signature does not distinguish them.
    deny: tenant === 'organizations' ? [CONSUMERS] : undefined,
  }
}

/**
 * Microsoft Entra ID: one tenant, or several. A user is identified by `oid` within `tid`. An address proves nothing,
 * unless the application has the optional claim `xms_edov`. Tokens cannot be revoked.
 *
 * Scopes without a prefix belong to Microsoft Graph. If the scopes of another API are requested, such as
 * `api://<id>/.default`, `User.Read` is left out: one token serves one API.
 *
 * @see [Microsoft identity platform](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow)
 */
export const microsoft: ProviderFactory<'optional', MicrosoftOptions> = defineProvider({
  id: 'microsoft',
  name: 'Microsoft',
  docs: 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow',
  verified: '2026-11-27',
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
    const manyTenants = several && tenant !== 'consumers' && tenants?.length !== 1
    const single: IssuerRule = { type: GUID.test(tenant) ? 'exact' : 'adopt' }
    return {
      issuer: `https://${authority}/${several ? '{tenantid}' : tenant.toLowerCase()}/v2.0`,
      publicAccounts: several && !tenants,
      issuerRule: several ? tenantRule(tenant, tenants) : single,
      discovery: { url: `https://${authority}/${tenant}/v2.0/.well-known/openid-configuration` },
      clientAuth: 'client_secret_post',
      assertionAudience: 'token-endpoint',
      accountPrompt: 'select_account',
      scopes: SCOPES,
      scopeApi: { base: 'https://graph.microsoft.com/', optional: ['User.Read'] },
      responseMode: 'query',
      exchangeScope: 'same',
      refreshScope: 'same',
      rotation: 'always',
      refreshErrors: several ? [...MICROSOFT_ERRORS, ...REMOVED] : MICROSOFT_ERRORS,
      manyTenants,
      verifiesEmail: 'the application has the optional claim `xms_edov`',
      rules: { org: directories(tenant, tenants), team: byClaim('teams'), group: 'any', sub: GUIDS },
      identity: {
        from: 'id_token',
        subject: 'oid',
        tenant: 'tid',
        email: 'email',
        emailVerified: 'xms_edov',
        name: 'name',
        orgs: ['tid'],
        groups: ['groups', 'roles'],
      },
      revocation: { style: 'none' },
    }
  },
})

/** The ids of the directories whose users come in. */
function directories(tenant: string, tenants: readonly string[] | undefined): RuleNames {
  const only = tenants ?? (GUID.test(tenant) ? [tenant] : tenant === 'consumers' ? [CONSUMERS] : [])
  return only.length === 0 ? GUIDS : exactly(only, 'the id of a directory that may sign in')
}
