import { clients } from './clients.ts'
import { grants } from './grants.ts'
import { operation } from './operation.ts'
import { providers } from './providers.ts'
import { requests } from './requests.ts'

/** Why something happened, in one word that stays the same: in events, in logs and on the error page. */
export type ReasonCode =
  | keyof typeof requests
  | keyof typeof clients
  | keyof typeof grants
  | keyof typeof providers
  | keyof typeof operation

/** What each code means, and what whoever runs the server can do. */
export const reasons: Readonly<Record<ReasonCode, readonly [meaning: string, remedy: string]>> = {
  ...requests,
  ...clients,
  ...grants,
  ...providers,
  ...operation,
}
