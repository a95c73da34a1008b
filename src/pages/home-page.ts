import { isLoopback } from '../protocol/redirect-uri.ts'
import { type Way, waysToConnect } from './connect.ts'
import { type Html, html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'
import { fill, fillText, type Texts } from './texts.ts'

/** The page for a user who opens the address of a server in a browser. */
export interface HomeView {
  readonly server: string
  /** The servers that a client can connect to. */
  readonly resources: readonly { readonly name: string; readonly id: string }[]
  /** The page that lists connected apps, if it is offered. */
  readonly account?: { readonly href: string; readonly user: string | undefined } | undefined
}

/** Shows the copy buttons, which need it. */
const COPY = `for(const b of document.querySelectorAll('button[data-copied]')){b.hidden=false;b.addEventListener('click',async()=>{const t=b.textContent;try{await navigator.clipboard.writeText(b.previousElementSibling.textContent);b.textContent=b.dataset.copied;setTimeout(()=>{b.textContent=t},2000)}catch{getSelection().selectAllChildren(b.previousElementSibling)}})}`

/** Shows how to connect: one address with instructions for each client, or the list of addresses. */
export function homePage(look: Look, { server, resources, account }: HomeView): Page {
  const { texts } = look
  const [only, ...others] = resources
  const local = only !== undefined && isLoopback(only.id)
  return layout(
    look,
    server,
    html`<h1>${server}</h1>
<p class="soft">${texts.homeIntro}</p>
${
  only && others.length === 0
    ? html`<h2>${texts.homeAddress}</h2>${snippet(texts, only.id)}
${local && html`<p class="small">${texts.homeLoopback}</p>`}
<h2>${texts.homeConnect}</h2>
${waysToConnect(only.name, only.id)
  .filter(({ hosted }) => !(local && hosted))
  .map((way) => section(texts, way))}`
    : html`<h2>${texts.homeAddresses}</h2>
<ul>${resources.map(({ name, id }) => html`<li><a href="${id}">${name}</a><br><code>${id}</code></li>`)}</ul>`
}
${
  account &&
  html`<p class="small foot">${account.user !== undefined && html`${fill(texts.homeSignedIn, { user: account.user })} `}<a href="${account.href}">${texts.homeAccount}</a></p>`
}`,
    COPY,
  )
}

const snippet = (texts: Texts, text: string): Html =>
  html`<div class="snippet"><pre>${text}</pre><button type="button" class="plain" hidden data-copied="${texts.copied}" aria-live="polite">${texts.copy}</button></div>`

function section(texts: Texts, { client, how, snippet: text, link, file }: Way): Html {
  const button = link && html`<a href="${link}">${fillText(texts.connectButton, { client })}</a>`
  return html`<details name="client"><summary>${client}</summary>
<div><p>${fill(texts[how], { ...(button && { button }), ...(file && { file: html`<code>${file}</code>` }) })}</p>${snippet(texts, text)}</div></details>
`
}
