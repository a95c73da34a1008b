import { html } from './html.ts'
import { layout, type Page } from './layout.ts'
import type { Look } from './look.ts'

const TITLE = 'Sign in as …'

/**
 * The sign-in for development. Its text is for developers, so it is in English only.
 *
 * @param view.action The path that the form is posted to, with its query.
 */
export const developmentPage = (look: Look, view: { action: string; problem?: string | undefined }): Page =>
  layout(
    look,
    TITLE,
    html`<h1>${TITLE}</h1>
<p class="soft">This sign-in is for development. It accepts every user, and works on this machine only.</p>
${view.problem !== undefined && html`<p class="badge warn" role="alert"><span class="mark" aria-hidden="true">!</span><span>${view.problem}</span></p>`}
<form method="post" action="${view.action}">
<label class="field">E-mail address<input name="email" type="email" required value="dev@example.com" autocomplete="off"></label>
<label class="field">Groups, comma-separated<input name="groups" value="" autocomplete="off" placeholder="admins, engineers"></label>
<div class="row"><button type="submit" class="main">Sign in</button></div>
</form>`,
  )
