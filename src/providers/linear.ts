import { defineProvider, type ProviderFactory } from './define.ts'
import { WORD } from './parts/rule-names.ts'

const VIEWER = '{ viewer { id name email organization { id urlKey } teams { nodes { key } } } }'

/**
 * Linear. One token is good for one workspace. For `allow`, `org:` is the key in the workspace's URL or its id, and
 * `group:` is the key of a team.
 *
 * @see [Linear](https://linear.app/developers/oauth-2-0-authentication)
 */
export const linear: ProviderFactory<'required'> = defineProvider({
  id: 'linear',
  name: 'Linear',
  docs: 'https://linear.app/developers/oauth-2-0-authentication',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://linear.app/oauth/authorize',
      token: 'https://api.linear.app/oauth/token',
      revocation: 'https://api.linear.app/oauth/revoke',
      userinfo: 'https://api.linear.app/graphql',
    },
    clientAuth: 'client_secret_post',
    scopes: ['read'],
    scopeSeparator: ',',
    rotation: 'always',
    rules: { org: WORD, team: 'none', group: 'any' },
    identity: {
      request: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: VIEWER }),
      },
      subject: 'data.viewer.id',
      email: 'data.viewer.email',
      name: 'data.viewer.name',
      orgs: ['data.viewer.organization.id', 'data.viewer.organization.urlKey'],
      groups: ['data.viewer.teams.nodes.key'],
    },
  },
})
