import { defineProvider, type ProviderFactory } from './define.ts'
import { githubParts } from './parts/github.ts'

/**
 * GitHub, as an OAuth app. By default its tokens do not expire. If the app's settings say so, or the scope
 * `offline_access` is requested, they live for eight hours and come with a refresh token that is accepted once.
 *
 * @see [GitHub](https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
 */
export const github: ProviderFactory<'required'> = defineProvider({
  id: 'github',
  name: 'GitHub',
  docs: 'https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    ...githubParts('https://github.com', 'https://api.github.com'),
    tokensPerUser: 10,
  },
})
