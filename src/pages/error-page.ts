import type { OAuthError } from '../errors.ts'
import { isRegistrable } from '../protocol/redirect-uri.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { errorKind } from './error-kind.ts'
import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'

/** An error, for the user in front of the browser. */
export interface ErrorView {
  /** The fixed public sentence of the error. */
  readonly message: string
  /** The OAuth code. */
  readonly code: string
  /** The reason, as in the event. */
  readonly reason: ReasonCode
  /** The request id, shown to the user and reported in the event, so that the operator finds the one by the other. */
  readonly requestId: string
  /** The redirect URI that the client asked for and did not register. */
  readonly address?: string | undefined
  /** A link that returns the error to the client. */
  readonly back?: { readonly href: string; readonly target: string } | undefined
  /** The account that is not allowed, and the way to another one. */
  readonly account?: AccountChoice | undefined
}

/** The account that a user signed in with. */
export interface AccountChoice {
  readonly name: string | undefined
  /** The name of the provider. */
  readonly provider: string
  /** A form that starts the sign-in again with another account. Absent if the provider cannot ask for one. */
  readonly another?:
    | { readonly action: string; readonly request?: string; readonly provider: string }
    | undefined
}

/** Returns what a page shows of an error. */
export const errorView = ({ message, code, reason, detail }: OAuthError, requestId: string): ErrorView => ({
  message,
  code,
  reason,
  requestId,
  ...(reason === 'redirect-uri-not-registered' && isShown(detail) && { address: detail }),
})

/** Tells whether a page shows a redirect URI. Schemes that a browser handles itself are not shown. */
const isShown = (uri: string | undefined): boolean =>
  uri !== undefined &&
  (/^https?:\/\//.test(uri) || isRegistrable(uri, { customSchemes: true, loopbackAliases: false }))

/** Shows what happened, what the user can do, and what the operator needs to know. */
export function errorPage(look: Look, view: ErrorView): Page {
  const { texts, server, host } = look
  const { message, code, reason, requestId, back, account, address } = view
  const kind = errorKind(code, reason)
  const title = fillText(texts[kind.title], { server })
  return layout(
    look,
    title,
    html`<h1>${title}</h1>
${account && whoIsIt(texts, account)}
${address !== undefined && html`<p>${texts.errorAddressGiven}</p><div class="panel"><p><code>${address}</code></p></div>`}
${kind.quotes && html`<p class="soft" lang="en">${message}.</p>`}
<p>${account ? turnedAwayAdvice(texts, account) : fillText(texts[kind.advice], { host })}</p>
${account?.another && html`<div class="row">${anotherAccount(texts, account.another, 'main')}</div>`}
${back && html`<p class="foot"><a href="${back.href}" rel="noreferrer">${fillText(texts.errorBack, { target: back.target })}</a></p>`}
<dl class="foot facts">
${
  !kind.quotes &&
  html`<dt>${texts.errorMessage}</dt><dd lang="en">${message}.</dd>
`
}<dt>${texts.errorCode}</dt><dd><code>${code}</code></dd>
<dt>${texts.errorReason}</dt><dd><code>${reason}</code></dd>
<dt>${texts.errorRequestId}</dt><dd><code>${requestId}</code></dd>
</dl>`,
  )
}

const whoIsIt = (texts: Texts, { name, provider }: AccountChoice): Html =>
  html`<p>${fill(texts.errorNotAllowedAccount, {
    provider,
    account: html`<strong>${name ?? texts.accountUnnamed}</strong>`,
  })}</p>`

const turnedAwayAdvice = (texts: Texts, { another, provider }: AccountChoice): string =>
  another ? texts.errorNotAllowedAdvice : fillText(texts.errorNotAllowedSignOut, { provider })

/** Renders the button that starts a sign-in again, at a page on which the provider asks for the account. */
export const anotherAccount = (
  texts: Texts,
  { action, request, provider }: NonNullable<AccountChoice['another']>,
  look: 'main' | 'plain',
): Html => html`<form method="post" action="${action}">
${request !== undefined && html`<input type="hidden" name="request" value="${request}">`}
<input type="hidden" name="provider" value="${provider}">
<input type="hidden" name="account" value="another">
<button type="submit" name="decision" value="allow" class="${look}">${texts.accountOther}</button>
</form>`
