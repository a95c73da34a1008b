import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Notion. It has no scopes: the user selects pages. The lifetime of its access tokens is not documented.
 *
 * @see [Notion](https://developers.notion.com/guides/get-started/authorization)
 */
export const notion: ProviderFactory<'required'> = defineProvider({
  id: 'notion',
  name: 'Notion',
  docs: 'https://developers.notion.com/guides/get-started/authorization',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://api.notion.com/v1/oauth/authorize',
      token: 'https://api.notion.com/v1/oauth/token',
      revocation: 'https://api.notion.com/v1/oauth/revoke',
    },
    clientAuth: 'client_secret_basic',
    sendScope: false,
    pkce: false,
    params: { owner: 'user' },
    requestBody: 'json',
    headers: { 'notion-version': '2022-06-28' },
    rotation: 'always',
    identity: {
      from: 'token',
      subject: 'owner.user.id',
      tenant: 'workspace_id',
      email: 'owner.user.person.email',
      name: 'owner.user.name',
      facts: { workspace: 'workspace_id', bot: 'bot_id' },
    },
    revocation: { style: 'rfc7009', only: 'access_token' },
  },
})
