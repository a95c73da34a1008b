import { defineProvider, type ProviderFactory } from './define.ts'
import { githubParts } from './parts/github.ts'

/**
 * GitHub, as a GitHub App that acts for the user. The settings of the app determine its permissions. Without "Email
 * addresses: read" there is no address. Without "Members: read" of an organization its members are not known.
 *
 * @see [GitHub App](https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens)
 */
export const githubApp: ProviderFactory<'required'> = defineProvider({
  id: 'github-app',
  name: 'GitHub App',
  docs: 'https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    ...githubParts('https://github.com', 'https://api.github.com'),
    scopes: [],
    memberships: {},
    rotation: 'always',
    refreshKillsAccess: true,
  },
})
