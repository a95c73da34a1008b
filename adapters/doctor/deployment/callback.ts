import { parseUrl } from '../../../src/internal.ts'
import { type Finding, fail, isFromThere, ok, show, unreached, warn } from '../finding.ts'
import { type Probe, sketch } from '../probe.ts'

const COMPLAINT = /[^.\n]{0,80}\b(?:redirect[ _]ur[il]|callback ur[il]|reply ur[il])[^\n]{0,120}/i
/** On a page that is no error by its status. */
const NOT_KNOWN = /mismatch|not (registered|match)|invalid/i

/**
 * Requests the provider's first page, without a user, and reads it. Providers that look at the callback before the login
 * complain there; others only tell people.
 */
export async function callbackFinding(authorizationUrl: string, probe: Probe): Promise<Finding> {
  const [id, title] = ['upstream.callback', 'The callback URL is registered at the provider']
  const callback = new URL(authorizationUrl).searchParams.get('redirect_uri') ?? ''
  // A pushed request carries the callback itself.
  const named = callback === '' ? 'its callback' : show(callback)
  let answer = await probe.send(authorizationUrl, { headers: { accept: 'text/html' } })
  for (let hop = 0; hop < 2 && leadsOn(answer.headers.get('location'), answer.url, callback); hop++) {
    const next = new URL(answer.headers.get('location')!, answer.url)
    // A sign-in that begins needs a person; only pages that complain are read on.
    if (!/error/i.test(next.href)) break
    answer = await probe.send(next.href, { headers: { accept: 'text/html' } })
  }
  const location = answer.headers.get('location')
  if (callback !== '' && location?.startsWith(callback)) {
    const error = new URL(location).searchParams.get('error')
    return error === null || /login|interaction|consent/.test(error)
      ? ok(id, title, show(callback))
      : warn(id, title, {
          seen: `the provider sends users back with ${show(error)}: ${show(new URL(location).searchParams.get('error_description') ?? '')}`,
          expected: 'its sign-in page',
          fix: 'Ask for what the provider lets this client have: look at the scopes and params of `upstream` (LOCKGATE_UPSTREAM_…).',
        })
  }
  const text = answer.text.replace(/<[^>]*>/g, ' ')
  const complaint = COMPLAINT.exec(text)?.[0]
  if (complaint !== undefined && (answer.status >= 400 || NOT_KNOWN.test(complaint))) {
    return fail(id, title, {
      seen: `${sketch(answer)}: ${show(complaint.replace(/\s+/g, ' '))}`,
      expected: 'its sign-in page',
      fix: `Register ${callback === '' ? 'the callback' : named} at the provider, character by character.`,
    })
  }
  if (answer.status >= 400 || answer.status === 0) {
    const finding = warn(id, title, {
      seen: `the provider's sign-in page: ${sketch(answer)}`,
      expected: 'its sign-in page',
      fix: `Open ${show(new URL(authorizationUrl).origin)} in a browser and see what it says of this client and ${named}.`,
    })
    return isFromThere(answer.status) ? finding : unreached(finding)
  }
  return ok(
    id,
    title,
    `no complaint about ${named}; a provider that asks for the login first complains only then`,
  )
}

const leadsOn = (location: string | null, from: string, callback: string): boolean =>
  location !== null &&
  parseUrl(location, from) !== undefined &&
  !(callback !== '' && location.startsWith(callback))
