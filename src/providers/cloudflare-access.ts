import { defineProvider, label, type ProviderFactory } from './define.ts'
import { WrongInput } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/**
 * Cloudflare Access, as an application of the kind SaaS with OIDC: its issuer contains the client id. Refresh tokens are a
 * setting of the application. `group:` needs the scope `groups` there. Access does not say whether addresses are verified.
 *
 * @see [Cloudflare Access](https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/saas-apps/generic-oidc-saas/)
 */
export const cloudflareAccess: ProviderFactory<'optional', { team: string }> = defineProvider({
  id: 'cloudflare-access',
  name: 'Cloudflare Access',
  docs: 'https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/saas-apps/generic-oidc-saas/',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  inputs: { team: label },
  parts: ({ team }, { clientId }) => {
    if (!/^(?!\.+$)[\w.~-]{1,200}$/.test(clientId))
      throw new WrongInput('clientId', 'expected the client id of the application in Access')
    return {
      issuer: `https://${team}.cloudflareaccess.com/cdn-cgi/access/sso/oidc/${clientId}`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: IDENTITY,
      optionalScopes: ['offline_access'],
      groups: { optionalScopes: ['groups'] },
      rules: { org: byClaim('organizations'), team: byClaim('teams'), group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        groups: ['groups'],
      },
    }
  },
})
