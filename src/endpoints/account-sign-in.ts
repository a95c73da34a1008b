import type { Endpoint } from '../context.ts'
import { readForm } from '../http/params.ts'
import { redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { foreignForm } from '../refusals.ts'
import { startAccountSignIn } from '../sign-in/pending.ts'
import { choicesFor, chosenProvider } from '../sign-in/provider-choice.ts'

/** Sends the browser to the provider. Only a form of this server may do so, because a link could sign a user in. */
export const accountSignInEndpoint: Endpoint = async (http, ctx) => {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw foreignForm()
  }
  const { fields } = await readForm(http)
  const upstream = chosenProvider(await choicesFor(ctx, http), fields.provider)
  const { flow, cookies } = startAccountSignIn(ctx, http, upstream.id)
  return redirect(await upstream.authorizationUrl(flow, fields.account === 'another'), cookies)
}
