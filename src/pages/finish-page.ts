import { type AccountChoice, anotherAccount } from './error-page.ts'
import { html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText } from './texts.ts'
import { destination } from './trust.ts'

/** A sign-in that is complete, except for the user's last step. */
export interface FinishView {
  readonly clientName: string
  readonly redirectUri: string
  readonly account: AccountChoice
  /** The path that the form is posted to. */
  readonly action: string
  /** The sealed response that the form carries. */
  readonly answer: string
  /** The name under which this browser remembers that the user approved the request. */
  readonly mark: string
}

/** Goes on by itself in the tab in which the user approved the request. */
const CONTINUE =
  "const f=document.querySelector('.finish');try{if(sessionStorage.getItem(f.dataset.mark)){sessionStorage.removeItem(f.dataset.mark);f.submit()}}catch{}"

/**
 * Asks the user to finish a sign-in at a loopback host, before the client gets its code. Cookies do not tell ports apart,
 * so another program on this computer may have started the sign-in. The form comes from this origin only.
 */
export function finishPage(look: Look, view: FinishView): Page {
  const { texts } = look
  const { clientName: client, account } = view
  return layout(
    look,
    texts.finishTitle,
    html`<h1>${texts.finishTitle}</h1>
<p>${fill(texts.finishHeading, { client: html`<span class="name claimed">${client}</span>` })}</p>
<div class="panel">${destination(texts, view.redirectUri)}</div>
<p>${fill(texts.finishAccount, { account: html`<strong>${account.name ?? texts.accountUnnamed}</strong>` })}</p>
<form method="post" action="${view.action}" class="finish" data-mark="${view.mark}">
<input type="hidden" name="answer" value="${view.answer}">
<div class="row"><button type="submit" class="main" aria-label="${fillText(texts.finishHeading, { client })}">${texts.finish}</button></div>
</form>
${account.another && html`<div class="other">${anotherAccount(texts, account.another, 'plain')}</div>`}`,
    CONTINUE,
  )
}
