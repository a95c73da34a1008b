import { defineProvider, guid, host, label, optional, type ProviderFactory } from './define.ts'
import { MICROSOFT_ERRORS } from './parts/microsoft.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/** The tenant. */
export interface MicrosoftExternalOptions {
  subdomain: string
  tenant: string
  /** A custom domain, instead of `<subdomain>.ciamlogin.com`. */
  authority?: string | undefined
}

/**
 * Microsoft Entra External ID, for customers. The host of its issuer differs between tenants, so it is read from the
 * document.
 *
 * @see [Microsoft External ID](https://learn.microsoft.com/entra/external-id/customers/)
 */
export const microsoftExternal: ProviderFactory<'optional', MicrosoftExternalOptions> = defineProvider({
  id: 'microsoft-external',
  name: 'Microsoft External ID',
  docs: 'https://learn.microsoft.com/entra/external-id/customers/',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  inputs: { subdomain: label, tenant: guid, authority: optional(host) },
  parts: ({ subdomain, tenant, authority = `${subdomain}.ciamlogin.com` }) => ({
    issuer: `https://${authority}`,
    issuerRule: { type: 'adopt' },
    discovery: { url: `https://${authority}/${tenant}/v2.0/.well-known/openid-configuration` },
    clientAuth: 'client_secret_post',
    assertionAudience: 'token-endpoint',
    scopes: OFFLINE,
    rotation: 'always',
    refreshErrors: MICROSOFT_ERRORS,
    rules: { org: byClaim('organizations'), team: byClaim('teams'), group: 'any' },
    identity: {
      from: 'id_token',
      subject: 'sub',
      email: 'email',
      name: 'name',
      groups: ['groups', 'roles'],
    },
    revocation: { style: 'none' },
  }),
})
