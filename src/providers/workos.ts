import { defineProvider, label, type ProviderFactory } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * WorkOS AuthKit, as a Connect OAuth application. The rotation of its refresh tokens is not known.
 *
 * @see [WorkOS AuthKit](https://workos.com/docs/authkit/connect)
 */
export const workos: ProviderFactory<'optional', { subdomain: string }> = defineProvider({
  id: 'workos',
  name: 'WorkOS AuthKit',
  docs: 'https://workos.com/docs/authkit/connect',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { subdomain: label },
  parts: ({ subdomain }) => ({
    issuer: `https://${subdomain}.authkit.app`,
    discovery: { url: `https://${subdomain}.authkit.app/.well-known/oauth-authorization-server` },
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
    idToken: false,
    revocation: { style: 'none' },
  }),
})
