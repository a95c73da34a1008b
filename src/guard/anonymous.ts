import { noProviderToken } from '../refusals.ts'
import type { Admission } from './admission.ts'

/** The id under which the streams of callers without a token are counted. No user has it. */
const ANONYMOUS = 'anonymous'

/**
 * Returns the admission of a caller without a token. It names no user, no client and no provider.
 *
 * @param resource The id of the MCP server.
 * @param address The caller's address, so that one caller cannot use up the streams of all.
 */
export function anonymousAdmission(resource: string, address: string | undefined): Admission {
  const id = `${ANONYMOUS} ${address ?? ''}`
  return {
    auth: {
      token: '',
      clientId: '',
      scopes: [],
      expiresAt: 0,
      resource: new URL(resource),
      extra: { clientName: '' },
      user: { id, kind: 'anonymous', emailVerified: false, claims: {} },
      upstream: {
        provider: undefined,
        accessToken: () => Promise.reject(noProviderToken('a caller without a token')),
      },
    },
    clientName: '',
    grant: undefined,
    provider: undefined,
    expiresAt: undefined,
    isAnonymous: true,
    stands: () => true,
  }
}
