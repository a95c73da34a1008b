import type { ReasonCode } from '../reasons/reasons.ts'
import type { Texts } from './texts.ts'

/** The texts of one kind of error. */
interface ErrorKind {
  readonly title: keyof Texts
  readonly advice: keyof Texts
  /** Shows the public sentence of the error on the page, for the maker of the app or the operator. */
  readonly quotes?: boolean
}

/** A title that has advice of the same name. */
type Name = keyof {
  [Text in keyof Texts as Text extends `${infer Title extends keyof Texts}Advice` ? Title : never]: true
}

const kind = (name: Name): ErrorKind => ({ title: name, advice: `${name}Advice` as const })

/** Errors whose page depends on the reason. */
const BY_REASON: Partial<Record<ReasonCode, ErrorKind>> = {
  'denied-by-user': kind('errorDenied'),
  'not-in-allow': kind('errorNotAllowed'),
  'consent-cookie-missing': kind('errorCookies'),
  'sign-in-cookie-missing': kind('errorCookies'),
  'sign-in-cookie-invalid': kind('errorCookies'),
  'sign-in-expired': kind('errorExpired'),
  'unknown-client': kind('errorUnknownApp'),
  'redirect-uri-not-registered': kind('errorAddress'),
  'client-metadata-address-refused': { ...kind('errorDocument'), quotes: true },
  'client-metadata-unavailable': { ...kind('errorDocument'), quotes: true },
  'client-metadata-refused': { ...kind('errorDocument'), quotes: true },
  'foreign-origin': kind('errorForm'),
  'form-token-mismatch': kind('errorForm'),
  'consent-form-invalid': kind('errorForm'),
}

/** Errors whose page depends on the code alone. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  too_many_requests: kind('errorBusy'),
  temporarily_unavailable: kind('errorUnavailable'),
  bad_gateway: kind('errorUnavailable'),
  server_error: kind('errorOurs'),
}

const REQUEST = { ...kind('errorRequest'), quotes: true }
const PROVIDER = { ...kind('errorProvider'), quotes: true }

/** Returns the texts for an error. */
export function errorKind(code: string, reason: ReasonCode): ErrorKind {
  const ofProvider = /^(provider|identity)-/.test(reason) ? PROVIDER : undefined
  return BY_REASON[reason] ?? ofProvider ?? BY_CODE[code] ?? REQUEST
}
