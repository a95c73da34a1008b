import { baseUrl, defineProvider, type ProviderFactory } from './define.ts'
import { githubParts } from './parts/github.ts'
import { except } from './parts/inputs.ts'

/**
 * GitHub Enterprise Server, by its address. Releases without PKCE refuse it: set `overrides: { pkce: false }` for them.
 *
 * @see [GitHub Enterprise Server](https://docs.github.com/enterprise-server@latest/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
 */
export const githubEnterprise: ProviderFactory<'required', { baseUrl: string }> = defineProvider({
  id: 'github-enterprise',
  name: 'GitHub Enterprise Server',
  docs: 'https://docs.github.com/enterprise-server@latest/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  inputs: { baseUrl: except(baseUrl, /\/(api|login)(\/|$)/, 'the address before `/api/` or `/login/`') },
  parts: ({ baseUrl }) => githubParts(baseUrl, `${baseUrl}/api/v3`),
})
