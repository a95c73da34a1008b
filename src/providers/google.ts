import { defineProvider, type ProviderFactory } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * Google. Refresh tokens come with consent only: so it is asked for each time. For one Workspace alone, say so in
 * `allow`: the parameter `hd` is no more than a hint.
 *
 * @see [Google](https://developers.google.com/identity/openid-connect/openid-connect)
 */
export const google: ProviderFactory<'required'> = defineProvider({
  id: 'google',
  name: 'Google',
  docs: 'https://developers.google.com/identity/openid-connect/openid-connect',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://accounts.google.com',
    issuerRule: { type: 'aliases', aliases: ['accounts.google.com'] },
    discovery: true,
    clientAuth: 'client_secret_post',
    // Whoever has a token may end it.
    endpointAuth: { revocation: 'none' },
    scopes: IDENTITY,
    params: { access_type: 'offline', prompt: 'consent' },
    rotation: 'never',
  },
})
