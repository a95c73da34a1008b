import type { ProxyEvent } from '../../../src/index.ts'
import { REUSE, type reasons } from '../../../src/internal.ts'

type ReasonCode = keyof typeof reasons

/** The reasons of a type of event: a list, or `any`. */
export type ReasonsOfType = readonly ReasonCode[] | 'any'

/** The reasons that each type of event can have. */
export const REASONS_OF_EVENT: Readonly<Record<ProxyEvent['type'], ReasonsOfType>> = {
  registered: ['registration-changed', 'registration-deleted'],
  consented: [],
  'consent-remembered': [],
  denied: [],
  'signed-in': [],
  'turned-away': ['not-in-allow', 'refused-by-application'],
  'account-opened': [],
  'api-key-used': [],
  issued: [],
  refreshed: [],
  'claim-omitted': ['too-many-groups'],
  revoked: [],
  'reuse-detected': [...REUSE],
  'grant-ended': [
    ...REUSE,
    'revoked-by-client',
    'revoked-by-user',
    'revoked-by-operator',
    'not-in-allow',
    'user-not-rechecked',
    'provider-token-expired',
    'provider-token-refused',
    'provider-scopes-withdrawn',
    'provider-not-configured',
    'refresh-response-lost',
    'refresh-subject-mismatch',
    'refused-by-application',
    'exchange-needs-sign-in',
    'grant-too-large',
  ],
  'upstream-refreshed': [],
  forwarded: [],
  admitted: [],
  called: [],
  refused: 'any',
  'rate-limited': [
    'limit-address',
    'limit-client',
    'limit-user',
    'limit-failures',
    'limit-tokens',
    'limit-anonymous',
    'limit-streams',
    'limit-all-streams',
    'limit-bodies',
  ],
  failed: 'any',
}
