import { defineProvider, label, type ProviderFactory, segment } from './define.ts'

/**
 * Azure AD B2C, by tenant and user flow. Its issuer does not name the user flow, so the metadata document supplies it. The
 * scopes contain the application's own id, because a request without the scope of an API may yield no access token.
 *
 * @see [Azure AD B2C](https://learn.microsoft.com/azure/active-directory-b2c/authorization-code-flow)
 */
export const azureB2c: ProviderFactory<'optional', { tenant: string; policy: string }> = defineProvider({
  id: 'azure-b2c',
  name: 'Azure AD B2C',
  docs: 'https://learn.microsoft.com/azure/active-directory-b2c/authorization-code-flow',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { tenant: label, policy: segment },
  parts: ({ tenant, policy }, { clientId }) => ({
    issuer: `https://${tenant}.b2clogin.com`,
    issuerRule: { type: 'adopt' },
    discovery: {
      url: `https://${tenant}.b2clogin.com/${tenant}.onmicrosoft.com/${policy}/v2.0/.well-known/openid-configuration`,
    },
    clientAuth: 'client_secret_post',
    scopes: ['openid', 'profile', 'offline_access', clientId],
    rotation: 'always',
    identity: { from: 'id_token', subject: 'sub', email: 'emails.0', name: 'name' },
    revocation: { style: 'none' },
  }),
})
