import { defineProvider, type ProviderFactory } from './define.ts'
import { githubParts } from './parts/github.ts'

/**
 * GitHub, as an OAuth app. Its tokens expire only if the settings of the app say so.
 *
 * @see [GitHub](https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
 */
export const github: ProviderFactory<'required'> = defineProvider({
  id: 'github',
  name: 'GitHub',
  docs: 'https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    ...githubParts('https://github.com', 'https://api.github.com'),
    rotation: 'never',
  },
})
