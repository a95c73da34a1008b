import { assertions } from './assertions.ts'
import { clients } from './clients.ts'
import { grants } from './grants.ts'
import { operation } from './operation.ts'
import { providers } from './providers.ts'
import { requests } from './requests.ts'

/** The reason for an event, as a code that does not change: in events, in logs and on the error page. */
export type ReasonCode =
  | keyof typeof requests
  | keyof typeof clients
  | keyof typeof assertions
  | keyof typeof grants
  | keyof typeof providers
  | keyof typeof operation

/** The meaning of each code, and the action that the operator can take. */
export const reasons: Readonly<Record<ReasonCode, readonly [meaning: string, remedy: string]>> = {
  ...requests,
  ...clients,
  ...assertions,
  ...grants,
  ...providers,
  ...operation,
}
