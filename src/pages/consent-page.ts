import { describeRedirect } from '../protocol/redirect-uri.ts'
import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'

/** One provider, and what this server asks it for: in its own words and, where they are known, in people's. */
export interface ProviderView {
  readonly id: string
  readonly name: string
  readonly scopes: readonly { readonly scope: string; readonly words: string | undefined }[]
}

/** What the user is asked to approve. */
export interface ConsentView {
  readonly server: string
  readonly resource: string
  readonly clientName: string
  /** The party that vouches for the name: the operator, or the document that contains it. */
  readonly verified: 'operator' | { readonly url: string } | undefined
  readonly redirectUri: string
  /** What the client may do here, in words. */
  readonly scopes: readonly string[]
  /** Where the user may sign in; of several they choose one. */
  readonly providers: readonly ProviderView[]
  /** Where the form goes, and what it carries. */
  readonly action: string
  readonly request: string
}

/** Who asks, where the answer goes, and for what: shown before the provider hears of the request. */
export function consentPage(look: Look, view: ConsentView): Page {
  const { texts } = look
  const { server, clientName: client, providers } = view
  return layout(
    look,
    fillText(texts.consentTitle, { server }),
    html`<h1>${fill(texts.consentHeading, { client, server })}</h1>
<p class="soft">${voucher(texts, view.verified)}</p>
<div class="panel">${destination(texts, view.redirectUri)}</div>
<h2>${texts.consentScopes}</h2>
<ul>${view.scopes.map((scope) => html`<li>${scope}</li>`)}</ul>
<p class="small">${fill(texts.consentResource, { resource: html`<code>${view.resource}</code>` })}</p>
<form method="post" action="${view.action}">
<input type="hidden" name="request" value="${view.request}">
${providers.length === 1 ? onlyProvider(texts, server, providers[0]!) : chooser(texts, server, providers)}
<div class="row">
<button type="submit" name="decision" value="deny">${texts.deny}</button>
<button type="submit" name="decision" value="allow">${texts.allow}</button>
</div>
</form>`,
  )
}

function onlyProvider(texts: Texts, server: string, provider: ProviderView): Html {
  return html`<h2>${fill(texts.consentProvider, { provider: provider.name })}</h2>
<p class="soft">${asked(texts, server, provider)}</p>`
}

/** The first is chosen until another is: one form, one answer, whatever the browser can do. */
function chooser(texts: Texts, server: string, providers: readonly ProviderView[]): Html {
  return html`<fieldset><legend><h2>${texts.consentChoose}</h2></legend>
${providers.map(
  (provider, index) => html`<label class="choice">
<input type="radio" name="provider" value="${provider.id}" required${index === 0 && html` checked`}>
<span><strong>${provider.name}</strong><br><span class="soft">${asked(texts, server, provider)}</span></span>
</label>`,
)}
</fieldset>`
}

function asked(texts: Texts, server: string, { name: provider, scopes }: ProviderView): Html {
  if (scopes.length === 0) return html`${texts.consentProviderNothing}`
  return html`${fill(texts.consentProviderScopes, { server, provider })}
${scopes.map(({ scope, words }, index) => html`${index > 0 && ', '}${words && html`${words} `}<code>${scope}</code>`)}.
${texts.consentProviderScopesNote}`
}

function voucher(texts: Texts, verified: ConsentView['verified']): Html {
  if (verified === 'operator') return fill(texts.consentOperator, {})
  if (!verified) return fill(texts.consentUnverified, {})
  return fill(texts.consentVerified, {
    url: html`<strong>${verified.url.replace(/^https:\/\//, '')}</strong>`,
  })
}

/** Of everything on the page this is what a stranger cannot make up, so it stands out most. */
function destination(texts: Texts, redirectUri: string): Html {
  const { kind, target } = describeRedirect(redirectUri)
  const place = {
    web: html`${target}`,
    app: fill(texts.consentApp, { target }),
    loopback: html`${texts.consentLoopback}`,
  }[kind]
  return html`<p>${fill(texts.consentAnswer, { target: html`<strong>${place}</strong>` })}</p>
${
  kind === 'loopback' &&
  html`<p class="small"><code>${target}</code></p>
<p class="small">${texts.consentLoopbackHint}</p>`
}`
}
