import type { Endpoint } from '../context.ts'
import { readForm } from '../http/params.ts'
import { redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { alteredForm, foreignForm } from '../refusals.ts'
import { tooLate } from '../sign-in/pending.ts'

/** Sends the response of a complete sign-in to the client, on a loopback host. Only a form of this origin may do so. */
export const finishEndpoint: Endpoint = async (http, { settings, sealer }) => {
  if (!isSameOrigin(http, settings.origin)) throw foreignForm()
  const { fields } = await readForm(http)
  const answer = sealer.open('finish', 'form', fields.answer ?? '') as
    | { readonly location: string; readonly until: number }
    | undefined
  if (!answer) throw alteredForm('invalid_request', 'consent-form-invalid')
  if (answer.until <= settings.now()) throw tooLate()
  return redirect(answer.location)
}
