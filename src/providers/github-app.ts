import { defineProvider, type ProviderFactory } from './define.ts'
import { githubParts } from './parts/github.ts'

/**
 * GitHub, as a GitHub App that acts for the user. The app's own settings decide its permissions: without "Email
 * addresses: read" there is no address, and without "Members: read" of an organization no membership in it.
 *
 * @see [GitHub App](https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens)
 */
export const githubApp: ProviderFactory<'required'> = defineProvider({
  id: 'github-app',
  name: 'GitHub App',
  docs: 'https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    ...githubParts('https://github.com', 'https://api.github.com'),
    scopes: [],
    memberships: {},
    rotation: 'always',
  },
})
