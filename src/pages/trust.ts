import { describeRedirect } from '../protocol/redirect-uri.ts'
import { type Html, html } from './html.ts'
import { fill, fillText, type Texts } from './texts.ts'

/** The party that vouches for an app's name: the operator, the document that contains it, or none. */
export type Voucher = 'operator' | { readonly url: string } | undefined

/** The statement of a badge about an app. */
interface Trust {
  readonly tone: 'good' | 'plain' | 'warn'
  readonly label: string
  /** A sentence for the consent page. */
  readonly hint: string | undefined
}

/**
 * Judges how far a user can trust an app's name. A document shows who published it, not whose app it is: many hosts serve
 * the files of anyone. It counts as verified only if the response goes to the site that it was published on.
 *
 * @param target The host or scheme that responses go to, if it is known.
 */
export function trustOf(texts: Texts, voucher: Voucher, target: string | undefined): Trust {
  if (voucher === 'operator') return { tone: 'good', label: texts.badgeOperator, hint: undefined }
  if (!voucher) return { tone: 'warn', label: texts.badgeUnverified, hint: texts.consentUnverifiedHint }
  const url = voucher.url.replace(/^https:\/\//, '')
  const label = fillText(texts.badgePublished, { url })
  const isWeb = target !== undefined && /^[\w-]+(\.[\w-]+)+(:\d+)?$/.test(target) && !/^[\d.:]+$/.test(target)
  if (!isWeb) return { tone: 'plain', label, hint: undefined }
  return new URL(voucher.url).host === target
    ? { tone: 'good', label, hint: undefined }
    : { tone: 'warn', label, hint: texts.consentElsewhereHint }
}

const MARKS = { good: '✓', plain: 'i', warn: '!' } as const

/** Renders a badge. Its mark differs too, because some users do not see its colour. */
export const badge = ({ tone, label }: Trust): Html =>
  html`<p class="badge ${tone}"><span class="mark" aria-hidden="true">${MARKS[tone]}</span><span>${label}</span></p>`

/** Renders the place that a response goes to. An app cannot make it up, so it stands out most. */
export function destination(texts: Texts, redirectUri: string): Html {
  const { kind, target } = describeRedirect(redirectUri)
  const place = {
    web: html`${target}`,
    app: fill(texts.consentApp, { target }),
    loopback: html`${texts.consentLoopback}`,
  }[kind]
  return html`<p>${fill(texts.consentBack, { target: html`<strong>${place}</strong>` })}</p>
${
  kind === 'loopback' &&
  html`<p class="small"><code>${target}</code></p>
<p class="small">${texts.consentLoopbackHint}</p>`
}`
}
