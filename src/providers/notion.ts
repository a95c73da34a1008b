import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, GUIDS } from './parts/rule-names.ts'

/**
 * Notion. There are no scopes: the user picks pages. The lifetime of an access token is not said. Connections that were
 * made before 2026-06-08 share one pair of tokens per user. For `allow`, `org:` is the id of a workspace.
 *
 * @see [Notion](https://developers.notion.com/guides/get-started/authorization)
 */
export const notion: ProviderFactory<'required'> = defineProvider({
  id: 'notion',
  name: 'Notion',
  docs: 'https://developers.notion.com/guides/get-started/authorization',
  verified: '2026-11-27',
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
    // Its API names errors by `code`, its token endpoint by `error`.
    answer: { error: 'code' },
    rotation: 'always',
    refreshErrors: [
      { error: 'unauthorized', means: 'configuration' },
      {
        error: ['rate_limited', 'conflict_error', 'internal_server_error', 'service_unavailable'],
        means: 'transient',
      },
    ],
    rules: { ...ADDRESSES_ONLY, org: GUIDS },
    identity: {
      from: 'token',
      subject: 'owner.user.id',
      tenant: 'workspace_id',
      email: 'owner.user.person.email',
      name: 'owner.user.name',
      orgs: ['workspace_id'],
      facts: { workspace: 'workspace_id', bot: 'bot_id' },
    },
    revocation: { style: 'rfc7009', only: 'access_token' },
  },
})
