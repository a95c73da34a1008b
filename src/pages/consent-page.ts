import { describeRedirect } from '../protocol/redirect-uri.ts'
import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'
import { time } from './time.ts'
import { badge, destination, trustOf, type Voucher } from './trust.ts'

/** One provider, and the scopes that this server requests from it. */
export interface ProviderView {
  readonly id: string
  readonly name: string
  readonly scopes: readonly { readonly scope: string; readonly words: string | undefined }[]
}

/** One scope as the page shows it. */
export interface ScopeView {
  readonly words: string
  /** The name of its check box. Absent: the user cannot leave it out. */
  readonly field?: string
}

/** A request that the user is asked to approve. */
export interface ConsentView {
  readonly server: string
  readonly resource: string
  readonly clientName: string
  readonly voucher: Voucher
  readonly redirectUri: string
  readonly scopes: readonly ScopeView[]
  /** The providers that the user may sign in at. */
  readonly providers: readonly ProviderView[]
  /** The path that the form is posted to. */
  readonly action: string
  /** The sealed request that the form carries. */
  readonly request: string
  /** Tells that the approval will be remembered: until when, in seconds since the epoch, and the address that ends it. */
  readonly remembered?: { readonly until: number; readonly account: string }
  /** The name under which the browser remembers that the form was sent, on a loopback host. */
  readonly mark?: string | undefined
}

/** Shows the app, the place that responses go to, and the scopes, before the provider hears of the request. */
export function consentPage(look: Look, view: ConsentView): Page {
  const { texts } = look
  const { server, providers, scopes } = view
  const [only, ...others] = providers
  const several = others.length > 0
  return layout(
    look,
    fillText(texts.consentTitle, { server }),
    html`<h1>${fill(texts.consentHeading, { server })}</h1>
${whoAsks(texts, view)}
<div class="panel">${destination(texts, view.redirectUri)}</div>
<form method="post" action="${view.action}"${view.mark !== undefined && html` data-mark="${view.mark}"`}>
<input type="hidden" name="request" value="${view.request}">
${scopeList(texts, scopes)}
<p class="small">${fill(texts.consentResource, { resource: html`<code>${view.resource}</code>` })}</p>
<p class="soft next">${several || !only ? texts.consentProviders : fill(texts.consentProvider, { provider: only.name })}</p>
${providers.map((provider) => asked(texts, server, provider))}
${view.remembered !== undefined && rememberedNote(texts, view.remembered)}
${several ? choices(texts, providers) : buttons(texts)}
</form>`,
    view.mark === undefined ? undefined : REMEMBER,
  )
}

/** Remembers in this tab, for this origin and port, that its user sent the form. A page on another port cannot. */
const REMEMBER =
  "const f=document.querySelector('form');f.addEventListener('submit',()=>{try{sessionStorage.setItem(f.dataset.mark,'1')}catch{}})"

function whoAsks(texts: Texts, { clientName, voucher, redirectUri }: ConsentView): Html {
  const trust = trustOf(texts, voucher, describeRedirect(redirectUri).target)
  const client = html`<span class="name${voucher !== 'operator' && ' claimed'}">${clientName}</span>`
  return html`<p>${fill(voucher ? texts.consentKnown : texts.consentUnknown, { client })}</p>
${badge(trust)}
${trust.hint !== undefined && html`<p class="small">${trust.hint}</p>`}`
}

function scopeList(texts: Texts, scopes: readonly ScopeView[]): Html {
  const fixed = scopes.filter(({ field }) => field === undefined)
  const free = scopes.filter(({ field }) => field !== undefined)
  if (free.length === 0) {
    return html`<h2>${texts.consentScopes}</h2>
<ul>${fixed.map(({ words }) => html`<li>${words}</li>`)}</ul>`
  }
  return html`<fieldset><legend><h2>${texts.consentScopesChoice}</h2></legend>
${fixed.map(
  ({ words }) =>
    html`<label class="check"><input type="checkbox" checked disabled><span>${words}</span></label>`,
)}
${free.map(
  ({ words, field }) =>
    html`<label class="check"><input type="checkbox" name="${field}" value="on" checked><span>${words}</span></label>`,
)}
</fieldset>`
}

const rememberedNote = (texts: Texts, { until, account }: NonNullable<ConsentView['remembered']>): Html =>
  html`<p class="small">${fill(texts.consentRemembered, {
    date: time(texts, until),
    account: html`<a href="${account}">${texts.accountTitle}</a>`,
  })}</p>`

const buttons = (texts: Texts): Html => html`<div class="row">
<button type="submit" name="decision" value="deny" class="quiet">${texts.deny}</button>
<button type="submit" name="decision" value="allow" class="main">${texts.allow}</button>
</div>`

/** Renders one button for each provider, so that a user needs one click. */
const choices = (texts: Texts, providers: readonly ProviderView[]): Html => html`<div class="stack">
${providers.map(
  ({ id, name }) =>
    html`<button type="submit" name="provider" value="${id}" class="main">${fill(texts.consentWith, { provider: name })}</button>
`,
)}<button type="submit" name="decision" value="deny" class="quiet">${texts.deny}</button>
</div>`

/** Lists the scopes that this server requests from a provider, for users who want to know. */
function asked(texts: Texts, server: string, { name: provider, scopes }: ProviderView): Html {
  if (scopes.length === 0) return html``
  return html`<details class="asked"><summary>${fill(texts.consentProviderScopes, { server, provider })}</summary>
<div><ul>${scopes.map(({ scope, words }) => html`<li>${words !== undefined && html`${words} `}<code>${scope}</code></li>`)}</ul></div></details>
`
}
