import { defineProvider, type ProviderFactory } from './define.ts'
import { issuerUrl } from './parts/inputs.ts'
import { OFFLINE } from './parts/openid.ts'
import { byClaim, DIGITS } from './parts/rule-names.ts'

const ORGANIZATION = 'urn:zitadel:iam:user:resourceowner'

/**
 * ZITADEL, by its address. The application needs the grant type "Refresh Token" there. For `allow`, `org:` is the id of
 * the organization that the user belongs to, and `group:` is a role of the project.
 *
 * @see [ZITADEL](https://zitadel.com/docs/apis/openidoauth/endpoints)
 */
export const zitadel: ProviderFactory<'optional', { issuer: string }> = defineProvider({
  id: 'zitadel',
  name: 'ZITADEL',
  docs: 'https://zitadel.com/docs/apis/openidoauth/endpoints',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: { issuer: issuerUrl },
  parts: ({ issuer }) => ({
    issuer,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: OFFLINE,
    rotation: 'always',
    rules: { org: DIGITS, team: byClaim('teams'), group: 'any' },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      orgs: [`${ORGANIZATION}:id`],
      groups: ['urn:zitadel:iam:org:project:roles', 'groups', 'roles'],
    },
    memberships: { scopes: [ORGANIZATION], userinfo: true },
    groups: { scopes: ['urn:zitadel:iam:org:project:roles'], userinfo: true },
  }),
})
