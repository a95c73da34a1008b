import { describeRedirect } from '../protocol/redirect-uri.ts'
import { type Html, html } from './html.ts'
import { layout } from './layout.ts'

/** What the user is asked to approve. */
export interface ConsentView {
  readonly server: string
  readonly resource: string
  readonly clientName: string
  /** Who stands behind the name: the operator, or the host that published it. */
  readonly verified: 'operator' | { readonly host: string } | undefined
  readonly redirectUri: string
  /** What the client may do here, in words. */
  readonly scopes: readonly string[]
  readonly provider: string
  /** What this server asks the provider for, in the provider's own words and, where they are known, in people's. */
  readonly providerScopes: readonly { readonly scope: string; readonly words: string | undefined }[]
  /** Where the form goes, and what it carries. */
  readonly action: string
  readonly request: string
}

/** Who asks, where the answer goes, and for what: shown before the provider hears of the request. */
export function consentPage(view: ConsentView): string {
  const { kind, target } = describeRedirect(view.redirectUri)
  const destination = {
    web: html`<p class="to">The answer goes to <strong>${target}</strong></p>`,
    loopback: html`<p class="to">The answer goes to <strong>an app on this computer</strong> (${target})<br>
<span class="soft">Any program on this computer can claim to be this app. Go on only if you started it yourself just now.</span></p>`,
    app: html`<p class="to">The answer goes to <strong>the app that opens ${target}</strong> links on this computer</p>`,
  }[kind]
  return layout(
    `Connect to ${view.server}`,
    html`<h1>${view.clientName} wants to use ${view.server}</h1>
${voucher(view.verified)}
${destination}
<h2>It may</h2>
<ul>${view.scopes.map((scope) => html`<li>${scope}</li>`)}</ul>
<p class="soft">at <code>${view.resource}</code></p>
<h2>Next, you sign in with ${view.provider}</h2>
${
  view.providerScopes.length > 0
    ? html`<p>${view.server} will ask ${view.provider} for: ${view.providerScopes.map(({ scope, words }, index) => html`${index > 0 && ', '}${words && html`${words} `}<code>${scope}</code>`)}.
The app does not get this access itself.</p>`
    : html`<p>The app does not get access to your account there.</p>`
}
<form method="post" action="${view.action}">
<input type="hidden" name="request" value="${view.request}">
<div class="row">
<button type="submit" name="decision" value="deny">Deny</button>
<button type="submit" name="decision" value="allow">Allow</button>
</div>
</form>`,
  )
}

function voucher(verified: ConsentView['verified']): Html {
  if (verified === 'operator') return html``
  if (verified) {
    return html`<p>Verified: this app belongs to <strong>${verified.host}</strong>, which gives it this name.</p>`
  }
  return html`<p class="soft">This name is unverified: the app chose it for itself. Look at where the answer goes.</p>`
}
