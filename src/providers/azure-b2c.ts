import { defineProvider, host, label, optional, type ProviderFactory, segment } from './define.ts'
import { MICROSOFT_ERRORS } from './parts/microsoft.ts'
import { byClaim } from './parts/rule-names.ts'

/** The tenant and the user flow. */
export interface AzureB2cOptions {
  tenant: string
  policy: string
  /** A custom domain, instead of `<tenant>.b2clogin.com`. */
  host?: string | undefined
}

/**
 * Azure AD B2C, by tenant and user flow. It is not sold to new customers since 2025-05-01. Its issuer does not name the
 * user flow, so it is read from the document. The application's own id is among the scopes: without an API to request,
 * there may be no access token.
 *
 * @see [Azure AD B2C](https://learn.microsoft.com/azure/active-directory-b2c/authorization-code-flow)
 */
export const azureB2c: ProviderFactory<'optional', AzureB2cOptions> = defineProvider({
  id: 'azure-b2c',
  name: 'Azure AD B2C',
  docs: 'https://learn.microsoft.com/azure/active-directory-b2c/authorization-code-flow',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  inputs: { tenant: label, policy: segment, host: optional(host) },
  parts: ({ tenant, policy, host = `${tenant}.b2clogin.com` }, { clientId }) => ({
    issuer: `https://${host}`,
    issuerRule: { type: 'adopt' },
    discovery: {
      url: `https://${host}/${tenant}.onmicrosoft.com/${policy}/v2.0/.well-known/openid-configuration`,
    },
    clientAuth: 'client_secret_post',
    assertionAudience: 'token-endpoint',
    scopes: ['openid', 'profile', 'offline_access', clientId],
    rotation: 'always',
    refreshErrors: MICROSOFT_ERRORS,
    // User flows send a list, custom policies usually one address.
    rules: { org: byClaim('organizations'), team: byClaim('teams'), group: byClaim('groups') },
    identity: { from: 'id_token', subject: 'sub', email: 'emails.0', otherEmail: 'email', name: 'name' },
    revocation: { style: 'none' },
  }),
})
