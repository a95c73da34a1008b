import { decodeJwt } from 'jose/jwt/decode'
import { defineProvider, type ProviderFactory, type TokenAnswer } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'

const API = 'https://api.workos.com/user_management'

/**
 * WorkOS, by its User Management API with AuthKit: the form that a new account has. The client id is that of the
 * environment (`client_…`), the secret is its API key (`sk_…`). Access tokens are JWTs and live for five minutes.
 * Revocation ends the session.
 *
 * @see [WorkOS AuthKit](https://workos.com/docs/reference/authkit/authentication)
 */
export const workosUserManagement: ProviderFactory<'required'> = defineProvider({
  id: 'workos-user-management',
  name: 'WorkOS AuthKit',
  docs: 'https://workos.com/docs/reference/authkit/authentication',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    endpoints: { authorization: `${API}/authorize`, token: `${API}/authenticate` },
    clientAuth: 'client_secret_post',
    sendScope: false,
    params: { provider: 'authkit' },
    answer: { error: 'code' },
    conformToken: withName,
    expiry: { from: 'jwt' },
    rotation: 'always',
    refreshErrors: [
      {
        error: [
          'sso_required',
          'mfa_enrollment',
          'mfa_challenge',
          'email_verification_required',
          'organization_selection_required',
          'organization_authentication_methods_required',
        ],
        means: 'final',
      },
    ],
    rules: { ...ADDRESSES_ONLY, org: WORD },
    identity: {
      from: 'token',
      subject: 'user.id',
      email: 'user.email',
      emailVerified: 'user.email_verified',
      name: 'user.name',
      orgs: ['organization_id'],
      facts: { organization: 'organization_id' },
    },
    async revoke({ tokens, client, fetch }) {
      const session = sessionOf(tokens.accessToken)
      if (session === undefined) return 'failed'
      const response = await fetch(`${API}/sessions/revoke`, {
        method: 'POST',
        headers: { authorization: `Bearer ${client.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ session_id: session }),
      })
      // A session that is not found has ended before.
      return response.ok || response.status === 404 ? 'revoked' : 'failed'
    },
  },
})

/** Joins the parts of the name. */
function withName({ status, body }: TokenAnswer): TokenAnswer {
  if (typeof body.user !== 'object' || body.user === null) return { status, body }
  const { first_name: first, last_name: last } = body.user as Record<string, unknown>
  const name = [first, last].filter((part) => typeof part === 'string' && part !== '').join(' ')
  return { status, body: { ...body, user: { ...body.user, name } } }
}

function sessionOf(accessToken: string): string | undefined {
  try {
    const { sid } = decodeJwt(accessToken)
    return typeof sid === 'string' ? sid : undefined
  } catch {
    return undefined
  }
}
