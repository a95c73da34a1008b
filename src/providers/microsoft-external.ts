import { defineProvider, guid, label, type ProviderFactory } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * Microsoft Entra External ID, for customers. The host of its issuer differs between tenants, so the metadata document
 * supplies it.
 *
 * @see [Microsoft External ID](https://learn.microsoft.com/entra/external-id/customers/)
 */
export const microsoftExternal: ProviderFactory<'optional', { subdomain: string; tenant: string }> =
  defineProvider({
    id: 'microsoft-external',
    name: 'Microsoft External ID',
    docs: 'https://learn.microsoft.com/entra/external-id/customers/',
    verified: '2026-11-22',
    confidence: 'medium',
    secret: 'optional',
    inputs: { subdomain: label, tenant: guid },
    parts: ({ subdomain, tenant }) => ({
      issuer: `https://${subdomain}.ciamlogin.com`,
      issuerRule: { type: 'adopt' },
      discovery: {
        url: `https://${subdomain}.ciamlogin.com/${tenant}/v2.0/.well-known/openid-configuration`,
      },
      clientAuth: 'client_secret_post',
      scopes: OFFLINE,
      rotation: 'always',
      identity: { from: 'id_token', subject: 'sub', email: 'email', name: 'name' },
      revocation: { style: 'none' },
    }),
  })
