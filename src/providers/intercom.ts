import { defineProvider, oneOf, type ProviderFactory, withDefault } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'

/**
 * Intercom. Its tokens do not expire and are not refreshed. For `allow`, `org:` is the id code of a workspace.
 *
 * @see [Intercom](https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth)
 */
export const intercom: ProviderFactory<'required', { region?: 'us' | 'eu' | 'au' | undefined }> =
  defineProvider({
    id: 'intercom',
    name: 'Intercom',
    docs: 'https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth',
    verified: '2026-11-27',
    confidence: 'medium',
    secret: 'required',
    inputs: { region: withDefault(oneOf('us', 'eu', 'au'), 'us') },
    parts: ({ region }) => {
      const area = region === 'us' ? '' : `${region}.`
      return {
        publicAccounts: true,
        endpoints: {
          authorization: `https://app.${area}intercom.com/oauth`,
          token: `https://api.${area}intercom.io/auth/eagle/token`,
          userinfo: `https://api.${area}intercom.io/me`,
        },
        clientAuth: 'client_secret_post',
        sendScope: false,
        pkce: false,
        rotation: 'never',
        rules: { ...ADDRESSES_ONLY, org: WORD },
        identity: {
          subject: 'id',
          tenant: 'app.id_code',
          email: 'email',
          emailVerified: 'email_verified',
          name: 'name',
          orgs: ['app.id_code'],
        },
        revocation: { style: 'none' },
      }
    },
  })
