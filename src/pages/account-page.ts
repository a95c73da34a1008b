import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'

/** One app that a user has connected. Times are seconds since the epoch. */
export interface ConnectedApp {
  readonly id: string
  readonly clientName: string
  readonly resource: string
  /** What the operator calls the resource. */
  readonly server: string | undefined
  /** The name of the provider, where it is known. */
  readonly provider: string | undefined
  /** In words. */
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly usedAt: number
  readonly expiresAt: number
}

export interface AccountView {
  readonly server: string
  /** Where one may sign in. */
  readonly providers: readonly { readonly id: string; readonly name: string }[]
  /** Path of the page; its forms go to paths below. */
  readonly base: string
  /** Absent where nobody is. */
  readonly signedIn?: {
    readonly name: string | undefined
    /** What every form must carry. */
    readonly token: string
    readonly apps: readonly ConnectedApp[]
  }
}

/** Which apps may act for the user, each with a way to end that; or a button to sign in. */
export function accountPage(look: Look, { server, providers, base, signedIn }: AccountView): Page {
  const { texts } = look
  const intro = html`<h1>${texts.accountTitle}</h1>
<p class="soft">${fill(texts.accountIntro, { server })}</p>`
  if (!signedIn) {
    const form = html`<form method="post" action="${base}/sign-in">
<div class="row wide">${providers.map(({ id, name }) => html`<button type="submit" name="provider" value="${id}">${fill(texts.accountSignIn, { provider: name })}</button>`)}</div>
</form>`
    return layout(look, texts.accountTitle, html`${intro}${form}`)
  }
  const { name, token, apps } = signedIn
  const carried = html`<input type="hidden" name="token" value="${token}">`
  const user = html`<strong>${name ?? texts.accountUnnamed}</strong>`
  return layout(
    look,
    texts.accountTitle,
    html`${intro}
<form class="between" method="post" action="${base}/sign-out">
<span>${fill(texts.accountUser, { user })}</span>
${carried}<button type="submit" class="plain">${texts.signOut}</button>
</form>
${apps.length === 0 && html`<div class="panel"><p>${texts.accountNone}</p></div>`}
${apps.map((app) => card(texts, app, base, carried))}
${apps.length > 0 && html`<p class="small">${fill(texts.accountHint, { provider: providersOf(apps, providers) })}</p>`}`,
  )
}

/** Where the apps have access: at the provider the user signed in at, which is rarely all there are. */
function providersOf(apps: readonly ConnectedApp[], all: AccountView['providers']): string {
  const named = new Set(apps.flatMap(({ provider }) => provider ?? []))
  return [...(named.size > 0 ? named : all.map(({ name }) => name))].join(', ')
}

function card(texts: Texts, app: ConnectedApp, base: string, carried: Html): Html {
  const { id, clientName: client, server, resource, scopes } = app
  return html`<section class="card" aria-labelledby="${id}">
<h2 id="${id}">${client}</h2>
<dl>
<dt>${texts.accountServer}</dt><dd>${server !== undefined && html`${server}<br>`}<code>${resource}</code></dd>
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

/** In UTC, and saying so: a page without script cannot know where its reader is. */
function time({ lang }: Texts, seconds: number): Html {
  const date = new Date(seconds * 1000)
  const shown = date.toLocaleString(lang, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
    timeZoneName: 'short',
  })
  return html`<time datetime="${date.toISOString()}">${shown}</time>`
}
