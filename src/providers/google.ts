import { defineProvider, optional, type ProviderFactory, text } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/** The accounts that may sign in. */
export interface GoogleOptions {
  /** The domain of a Workspace, or `*` for any Workspace. No other account may sign in. */
  hd?: string | undefined
}

/**
 * Google. It issues refresh tokens only with consent, so consent is requested each time. The parameter `hd` is only a hint
 * to Google, so the claim `hd` of the account is compared here.
 *
 * @see [Google](https://developers.google.com/identity/openid-connect/openid-connect)
 */
export const google: ProviderFactory<'required', GoogleOptions> = defineProvider({
  id: 'google',
  name: 'Google',
  docs: 'https://developers.google.com/identity/openid-connect/openid-connect',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'required',
  inputs: { hd: optional(text('the domain of a Workspace, or *', /^(\*|[a-z0-9-]+(\.[a-z0-9-]+)+)$/i)) },
  parts: ({ hd }, { params }) => ({
    publicAccounts: (hd ?? params?.hd) === undefined,
    issuer: 'https://accounts.google.com',
    issuerRule: { type: 'aliases', aliases: ['accounts.google.com'] },
    discovery: true,
    clientAuth: 'client_secret_post',
    // The token itself authorizes its revocation.
    endpointAuth: { revocation: 'none' },
    scopes: IDENTITY,
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: 'hd',
    },
    params: { access_type: 'offline', prompt: 'consent', ...(hd && { hd }) },
    requiredClaims: requiredDomain(hd ?? params?.hd),
    rotation: 'never',
  }),
})

const requiredDomain = (hd: string | undefined) => (hd ? { hd: hd.toLowerCase() } : undefined)
