import type { OAuthError } from '../errors.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fillText, type Texts } from './texts.ts'

/** What went wrong, for the person in front of the browser. */
export interface ErrorView {
  /** The fixed public sentence of the error. */
  readonly message: string
  /** The OAuth code. */
  readonly code: string
  /** Why, as the event says it. */
  readonly reason: ReasonCode
  /** Shown to the user and reported in the event, so that the operator finds the one by the other. */
  readonly requestId: string
  /** Takes the error back to the client, for who wants to. */
  readonly back?: { readonly href: string; readonly target: string } | undefined
}

/** What the page shows of a refusal. */
export const errorView = ({ message, code, reason }: OAuthError, requestId: string): ErrorView => ({
  message,
  code,
  reason,
  requestId,
})

/** What happened, what the person can do, and what whoever runs the server needs to know. */
export function errorPage(look: Look, { message, code, reason, requestId, back }: ErrorView): Page {
  const { texts } = look
  return layout(
    look,
    texts.errorTitle,
    html`<h1>${texts.errorTitle}</h1>
<div class="panel"><p lang="en">${message}.</p></div>
<h2>${texts.errorYou}</h2>
<p>${advice(texts, code)}</p>
${back && html`<p><a href="${back.href}" rel="noreferrer">${fillText(texts.errorBack, { target: back.target })}</a></p>`}
<h2>${texts.errorOperator}</h2>
<p>${texts.errorOperatorHint}</p>
<dl>
<dt>${texts.errorCode}</dt><dd><code>${code}</code></dd>
<dt>${texts.errorReason}</dt><dd><code>${reason}</code></dd>
<dt>${texts.errorRequestId}</dt><dd><code>${requestId}</code></dd>
</dl>`,
  )
}

function advice(texts: Texts, code: string): string {
  if (code === 'access_denied') return texts.errorYouDenied
  const passing =
    code === 'too_many_requests' ||
    code === 'temporarily_unavailable' ||
    code === 'server_error' ||
    code === 'bad_gateway'
  return passing ? texts.errorYouLater : texts.errorYouAgain
}
