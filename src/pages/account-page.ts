import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'
import { time } from './time.ts'
import { badge, trustOf, type Voucher } from './trust.ts'

/** One app that a user has connected. Times are seconds since the epoch. */
export interface ConnectedApp {
  readonly id: string
  readonly clientName: string
  readonly voucher: Voucher
  /** The host or scheme that its responses went to, if it is known. */
  readonly target: string | undefined
  readonly resource: string
  /** The operator's name for the resource. */
  readonly server: string | undefined
  /** The name of the provider, if it is known. */
  readonly provider: string | undefined
  /** The issuer that let the app in without a sign-in here. */
  readonly organisation: string | undefined
  /** Text for users. */
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly usedAt: number
  readonly expiresAt: number
}

export interface AccountView {
  readonly server: string
  /** The providers that the user may sign in at. */
  readonly providers: readonly { readonly id: string; readonly name: string }[]
  /** Path of the page. Its forms are posted to paths below it. */
  readonly base: string
  /** `true` if a provider lets the user choose another account. */
  readonly switches: boolean
  /** `true` if the user asked for another account. */
  readonly another: boolean
  /** Absent if the user is not signed in. */
  readonly signedIn?: {
    readonly name: string | undefined
    /** The token that every form carries. */
    readonly token: string
    readonly apps: readonly ConnectedApp[]
    /** `true` if the user has connected more apps. */
    readonly hasMore: boolean
    /** The names of the apps whose approval is remembered. */
    readonly remembered: readonly string[]
  }
}

/** Lists the apps that may act for the user, each with a way to end that. Otherwise offers to sign in. */
export function accountPage(
  look: Look,
  { server, providers, base, switches, another, signedIn }: AccountView,
): Page {
  const { texts } = look
  const intro = html`<h1>${texts.accountTitle}</h1>
<p class="soft">${fill(texts.accountIntro, { server })}</p>`
  if (!signedIn) {
    const form = html`<form method="post" action="${base}/sign-in">
${another && html`<input type="hidden" name="account" value="another">`}
<div class="stack">${providers.map(({ id, name }) => html`<button type="submit" name="provider" value="${id}" class="main">${fill(texts.accountSignIn, { provider: name })}</button>`)}</div>
</form>`
    return layout(look, texts.accountTitle, html`${intro}${form}`)
  }
  const { name, token, apps, hasMore, remembered } = signedIn
  const carried = html`<input type="hidden" name="token" value="${token}">`
  const user = html`<strong>${name ?? texts.accountUnnamed}</strong>`
  return layout(
    look,
    texts.accountTitle,
    html`${intro}
<form class="between" method="post" action="${base}/sign-out">
<span>${fill(texts.accountUser, { user })}</span>
<span class="actions">${carried}${switches && html`<button type="submit" name="next" value="another" class="plain">${texts.accountOther}</button>`}
<button type="submit" class="plain">${texts.signOut}</button></span>
</form>
${apps.length === 0 && html`<div class="panel"><p>${texts.accountNone}</p></div>`}
${apps.map((app) => card(texts, app, base, carried))}
${hasMore && html`<p class="small">${fillText(texts.accountMore, { count: String(apps.length) })}</p>`}
${apps.length > 0 && html`<p class="small">${fill(texts.accountHint, { provider: providersOf(apps, providers) })}</p>`}
${remembered.length > 0 && askAgain(texts, remembered, base, carried)}`,
  )
}

/** Names the providers that the apps have access at, or all if none is known. */
function providersOf(apps: readonly ConnectedApp[], all: AccountView['providers']): string {
  const named = new Set(apps.flatMap(({ provider }) => provider ?? []))
  return [...(named.size > 0 ? named : all.map(({ name }) => name))].join(', ')
}

function card(texts: Texts, app: ConnectedApp, base: string, carried: Html): Html {
  const { id, clientName: client, server, resource, scopes, target, voucher, organisation } = app
  return html`<section class="card" aria-labelledby="${id}">
<h2 id="${id}">${client}</h2>
${badge(trustOf(texts, voucher, target))}
<dl>
${target !== undefined && html`<dt>${texts.accountBack}</dt><dd><code>${target}</code></dd>`}
<dt>${texts.accountServer}</dt><dd>${server !== undefined && html`${server}<br>`}<code>${resource}</code></dd>
${organisation !== undefined && html`<dt>${texts.accountOrganisation}</dt><dd>${fill(texts.accountThrough, { issuer: organisation })}</dd>`}
<dt>${texts.accountScopes}</dt><dd>${scopes.map((scope, index) => html`${index > 0 && html`<br>`}${scope}`)}</dd>
<dt>${texts.accountSince}</dt><dd>${time(texts, app.createdAt)}</dd>
<dt>${texts.accountUsed}</dt><dd>${time(texts, app.usedAt)}</dd>
<dt>${texts.accountEnds}</dt><dd>${time(texts, app.expiresAt)}</dd>
</dl>
<form method="post" action="${base}/revoke">
${carried}<input type="hidden" name="grant" value="${id}">
<button type="submit" class="plain" aria-label="${fillText(texts.disconnectApp, { client })}">${texts.disconnect}</button>
</form>
</section>
`
}

/** Offers to show the consent page again before any app connects. */
const askAgain = (
  texts: Texts,
  remembered: readonly string[],
  base: string,
  carried: Html,
): Html => html`<form class="panel" method="post" action="${base}/ask-again">
<p>${fill(texts.accountRemembered, { clients: html`<strong>${remembered.join(', ')}</strong>` })}</p>
${carried}<button type="submit" class="plain">${texts.accountAskAgain}</button>
</form>`
