import { defineProvider, host, type ProviderFactory, withDefault } from './define.ts'
import { except } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'

/**
 * Salesforce: login, test or a domain of your own. A user is identified within the organization; `instance_url` is
 * among the claims. The expiry of a token is not said: 15 minutes are assumed, the shortest session setting;
 * `overrides: { expiry: … }` changes that.
 *
 * @see [Salesforce](https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm)
 */
export const salesforce: ProviderFactory<'optional', { host?: string | undefined }> = defineProvider({
  id: 'salesforce',
  name: 'Salesforce',
  docs: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    host: withDefault(
      except(host, /\.lightning\.force\.com$/, 'the login host, such as `acme.my.salesforce.com`'),
      'login.salesforce.com',
    ),
  },
  parts: ({ host }) => ({
    publicAccounts: /^(login|test)\.salesforce\.com$/.test(host),
    issuer: `https://${host}`,
    discovery: true,
    clientAuth: 'client_secret_post',
    scopes: [...IDENTITY, 'refresh_token'],
    expiry: { fallback: 900 },
    refreshErrors: [
      // Another refresh of the same application is under way. It passes in moments.
      { error: 'invalid_grant', description: /already being processed/i, means: 'transient', again: 1 },
      { error: 'invalid_grant', description: /ip restricted|login hours/i, means: 'transient' },
      { error: ['inactive_user', 'inactive_org', 'invalid_app_access'], means: 'final' },
      { description: /not admin approved to access this app/i, means: 'final' },
      { error: ['rate_limit_exceeded', 'unknown_error'], means: 'transient' },
      { error: ['invalid_client_id', 'invalid_client_credentials'], means: 'configuration' },
    ],
    tokensPerUser: 5,
    rules: { ...ADDRESSES_ONLY, org: WORD },
    identity: {
      from: 'request',
      subject: 'user_id',
      tenant: 'organization_id',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: ['organization_id'],
      facts: { instance_url: 'instance_url' },
    },
  }),
})
