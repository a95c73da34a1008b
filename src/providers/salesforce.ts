import { defineProvider, host, type ProviderFactory, withDefault } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * Salesforce, at its login or test host or at your own domain. A person is the user within the organization. The claims
 * contain `instance_url`. It does not return the lifetime of a token: set `overrides: { expiry: … }` if it is not an hour.
 *
 * @see [Salesforce](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm)
 */
export const salesforce: ProviderFactory<'optional', { host?: string | undefined }> = defineProvider({
  id: 'salesforce',
  name: 'Salesforce',
  docs: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { host: withDefault(host, 'login.salesforce.com') },
  parts: ({ host }) => ({
    publicAccounts: /^(login|test)\.salesforce\.com$/.test(host),
    issuer: `https://${host}`,
    discovery: true,
    clientAuth: 'client_secret_post',
    scopes: [...IDENTITY, 'refresh_token'],
    expiry: { fallback: 3600 },
    identity: {
      from: 'request',
      subject: 'user_id',
      tenant: 'organization_id',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      facts: { instance_url: 'instance_url' },
    },
  }),
})
