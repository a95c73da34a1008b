import { defineProvider, optional, type ProviderFactory, text } from './define.ts'
import { IDENTITY } from './parts/openid.ts'
import { ADDRESSES_ONLY, DIGITS, DOMAINS, exactly } from './parts/rule-names.ts'

/** The accounts that may sign in. */
export interface GoogleOptions {
  /** The domain of a Workspace, or `*` for any Workspace. Other accounts are refused. */
  hd?: string | undefined
}

/**
 * Google. Refresh tokens come only with consent, so it is requested each time. The parameter `hd` is only a hint; the
 * claim is compared. An address is verified only if Google hosts its domain: that of the Workspace, or gmail.com.
 * One revocation ends every token of the user and application.
 *
 * @see [Google](https://developers.google.com/identity/openid-connect/openid-connect)
 */
export const google: ProviderFactory<'required', GoogleOptions> = defineProvider({
  id: 'google',
  name: 'Google',
  docs: 'https://developers.google.com/identity/openid-connect/openid-connect',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  inputs: { hd: optional(text('the domain of a Workspace, or *', /^(\*|[a-z0-9-]+(\.[a-z0-9-]+)+)$/i)) },
  parts: ({ hd }, { params }) => ({
    publicAccounts: (hd ?? params?.hd) === undefined,
    issuer: 'https://accounts.google.com',
    issuerRule: { type: 'aliases', aliases: ['accounts.google.com'] },
    discovery: true,
    clientAuth: 'client_secret_post',
    // The endpoint takes a token without client authentication.
    endpointAuth: { revocation: 'none' },
    scopes: IDENTITY,
    refreshErrors: [
      {
        error: ['deleted_client', 'disabled_client', 'admin_policy_enforced', 'org_internal'],
        means: 'configuration',
      },
    ],
    tokensPerUser: 100,
    rules: { ...ADDRESSES_ONLY, org: domainsOf(hd ?? params?.hd), sub: DIGITS },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      emailDomains: { claim: 'hd', fixed: ['gmail.com', 'googlemail.com'] },
      name: 'name',
      orgs: ['hd'],
    },
    params: { access_type: 'offline', prompt: 'consent', ...(hd && { hd }) },
    accountPrompt: 'select_account',
    requiredClaims: requiredDomain(hd ?? params?.hd),
    rotation: 'never',
    revocation: { style: 'rfc7009', ends: 'authorization' },
  }),
})

const requiredDomain = (hd: string | undefined) => (hd ? { hd: hd.toLowerCase() } : undefined)

/** The domains of the Workspaces whose users come in. */
const domainsOf = (hd: string | undefined) =>
  hd === undefined || hd === '*' ? DOMAINS : exactly([hd], `${hd}, as other Workspaces are refused`)
