import { defineProvider, host, label, optional, type ProviderFactory } from './define.ts'
import { WrongInput } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim } from './parts/rule-names.ts'

/** The AuthKit domain: exactly one of the two. */
export interface WorkosOptions {
  /** The part before `.authkit.app`. */
  subdomain?: string | undefined
  /** A custom domain, such as `auth.acme.example`. */
  domain?: string | undefined
}

/**
 * WorkOS, as a Connect OAuth application, by the AuthKit domain. Such an application is created in the dashboard. With
 * only the client id and the API key of a new account, use `workosUserManagement`.
 *
 * @see [WorkOS Connect](https://workos.com/docs/authkit/connect)
 */
export const workos: ProviderFactory<'optional', WorkosOptions> = defineProvider({
  id: 'workos',
  name: 'WorkOS Connect',
  docs: 'https://workos.com/docs/authkit/connect',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: { subdomain: optional(label), domain: optional(host) },
  parts: ({ subdomain, domain }) => {
    if ((subdomain === undefined) === (domain === undefined))
      throw new WrongInput('subdomain', 'expected either `subdomain` or `domain`')
    return {
      issuer: `https://${domain ?? `${subdomain}.authkit.app`}`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: OFFLINE,
      rules: { org: 'any', team: byClaim('teams'), group: 'any' },
      identity: {
        subject: 'sub',
        email: 'email',
        emailVerified: 'email_verified',
        name: 'name',
        orgs: ['org_id'],
        groups: ['role', 'roles'],
      },
      revocation: { style: 'none' },
    }
  },
})
