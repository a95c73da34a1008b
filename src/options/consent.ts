import * as v from 'valibot'
import { type Entries, label, shape } from '../validation/shape.ts'
import type { PagesSettings } from './pages.ts'
import type { Report } from './report.ts'

/** The approvals that are remembered. */
export interface ConsentRules {
  /** The time for which an approval counts: days or hours, such as `30d` or `12h`, at most `365d`. Use does not prolong it. */
  remember?: string | undefined
  /**
   * A name for the approvals that count. A new one ends all earlier approvals.
   *
   * @default '1'
   */
  version?: string | undefined
}

/** Options about the approval of a user. */
export interface ConsentOptions {
  /**
   * Remembers approvals, so that the consent page is not shown again in the same browser. By default every authorization
   * request shows the page. Approvals count for configured clients and for metadata documents with https addresses, and
   * only if the browser says that no other site sent it.
   */
  consent?: ConsentRules | undefined
}

const DEFAULTS = { version: '1' } as const

const UNITS: Readonly<Record<string, number>> = { h: 3600, d: 86_400 }
const LONGEST = 365 * 86_400

/** Returns the seconds of a text such as `30d`, or `undefined` for another text. */
function secondsOf(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,3})([hd])$/.exec(text) ?? []
  const seconds = Number(count) * UNITS[unit ?? '']!
  return seconds <= LONGEST ? seconds : undefined
}

const span = v.pipe(
  v.string(),
  v.check(
    (text) => secondsOf(text) !== undefined,
    'expected days or hours, such as `30d` or `12h`, at most `365d`',
  ),
)

export const consentEntries: Entries<ConsentOptions, ConsentOptions> = {
  consent: v.optional(
    shape({
      remember: v.optional(span),
      version: v.optional(label, DEFAULTS.version),
    }),
  ),
}

export interface ConsentSettings {
  /** Absent if every request shows the consent page. */
  readonly remembers?: {
    /** The time for which an approval counts, in seconds. */
    readonly seconds: number
    readonly version: string
  }
}

/** Users must be able to take an approval back, which they do on the account page. */
export function settleConsent(
  { consent }: ConsentOptions,
  { account }: Pick<PagesSettings, 'account'>,
  report: Report,
): ConsentSettings {
  const seconds = consent?.remember === undefined ? undefined : secondsOf(consent.remember)
  if (seconds === undefined) return {}
  if (!account)
    report('consent.remember', 'needs the account page, on which users take an approval back', 'account')
  return { remembers: { seconds, version: consent?.version ?? DEFAULTS.version } }
}
