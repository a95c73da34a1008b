import { html } from './html.ts'
import { layout } from './layout.ts'

/** What went wrong, for the person in front of the browser. */
export interface ErrorView {
  /** The fixed public sentence of the error. */
  readonly message: string
  /** The OAuth code. */
  readonly code: string
  /** Shown to the user and reported in the event, so that the operator finds the one by the other. */
  readonly requestId: string
  /** Takes the error back to the client, for who wants to. */
  readonly back?: { readonly href: string; readonly target: string } | undefined
}

export function errorPage({ message, code, requestId, back }: ErrorView): string {
  return layout(
    'This did not work',
    html`<h1>This did not work</h1>
<p>${message}.</p>
<p>Go back to the app you came from and connect again from there. If that does not help, tell whoever runs this server
the two codes below.</p>
${back && html`<p><a href="${back.href}" rel="noreferrer">Return to ${back.target}</a> with this answer</p>`}
<p class="soft"><code>${code}</code> · <code>${requestId}</code></p>`,
  )
}
