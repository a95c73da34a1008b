import { defineProvider, label, type ProviderFactory } from './define.ts'
import { DIGITS } from './parts/rule-names.ts'

/**
 * Zendesk, one account by its subdomain. Access tokens of 30 minutes are requested. A refresh ends both previous tokens.
 * `group:` is the role: `end-user`, `agent` or `admin`. `org:` is the id of the user's organization.
 *
 * @see [Zendesk](https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/)
 */
export const zendesk: ProviderFactory<'required', { subdomain: string }> = defineProvider({
  id: 'zendesk',
  name: 'Zendesk',
  docs: 'https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  inputs: { subdomain: label },
  parts: ({ subdomain }) => {
    const host = `https://${subdomain}.zendesk.com`
    const lifetimes = { expires_in: '1800', refresh_token_expires_in: '7776000' }
    return {
      issuer: host,
      endpoints: {
        authorization: `${host}/oauth/authorizations/new`,
        token: `${host}/oauth/tokens`,
        userinfo: `${host}/api/v2/users/me.json`,
      },
      clientAuth: 'client_secret_post',
      scopes: ['read'],
      exchangeScope: 'same',
      requestBody: 'json',
      tokenParams: lifetimes,
      refreshParams: lifetimes,
      rotation: 'always',
      refreshKillsAccess: true,
      rules: { org: DIGITS, team: 'none', group: 'any', sub: DIGITS },
      identity: {
        from: 'request',
        subject: 'user.id',
        email: 'user.email',
        emailVerified: 'user.verified',
        name: 'user.name',
        orgs: ['user.organization_id'],
        groups: ['user.role'],
      },
      revocation: { style: 'bearer' },
      async revoke({ tokens, fetch }) {
        const response = await fetch(`${host}/api/v2/oauth/tokens/current.json`, {
          method: 'DELETE',
          headers: { accept: 'application/json', authorization: `Bearer ${tokens.accessToken}` },
        })
        // The token authenticates the request, so a refused one has ended before.
        return response.ok || response.status === 401 ? 'revoked' : 'failed'
      },
    }
  },
})
