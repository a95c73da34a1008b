import { type Finding, fail, ok, show, skip, warn } from '../finding.ts'
import { type Answer, sketch } from '../probe.ts'
import { type Check, endpointOf, type World } from '../world.ts'

/** An unregistered redirect URI gets a page, never a redirect (OAuth 2.1 §4.1.2.1). */
export const authorizationEndpoint: Check = async (world) => {
  const endpoint = endpointOf(world, 'authorization_endpoint')
  if (endpoint === undefined) return []
  const known = world.registrations?.loopback.clientId
  const foreign = 'https://callback.example.com/'
  const findings = [
    judgeOne(
      'authorize.client',
      'An unknown client ends on a page',
      foreign,
      await ask(world, endpoint, 'lockgate-doctor-unknown', foreign),
    ),
  ]
  const title = 'A foreign redirect URI ends on a page'
  if (known === undefined)
    return [...findings, skip('authorize.redirect', title, 'needs a registered client')]
  return [
    ...findings,
    judgeOne('authorize.redirect', title, foreign, await ask(world, endpoint, known, foreign)),
  ]
}

function ask({ probe, resource, address }: World, endpoint: string, client: string, redirectUri: string) {
  const url = new URL(endpoint)
  const params = {
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    state: 'lockgate-doctor',
    resource: (resource?.document.resource as string | undefined) ?? address,
  }
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value)
  return probe.send(url.href, { headers: { accept: 'text/html' } })
}

function judgeOne(id: string, title: string, foreign: string, answer: Answer): Finding {
  const { status, headers } = answer
  const problem = { seen: sketch(answer), expected: 'a page with status 400, no redirect' }
  const location = headers.get('location')
  if (status >= 300 && status < 400 && location?.startsWith(foreign)) {
    return fail(id, title, {
      ...problem,
      fix: 'Check client and redirect URI before anything else: this server sends users, and may send codes, wherever a link says.',
    })
  }
  if (status === 0) {
    return fail(id, title, { ...problem, fix: 'Let authorization_endpoint name an address that answers.' })
  }
  if (status >= 500) {
    return fail(id, title, {
      ...problem,
      fix: 'Answer a wrong request with a page that says what is wrong: a 5xx tells the user nothing.',
    })
  }
  if (status >= 400) return ok(id, title, sketch(answer))
  return warn(id, title, {
    ...problem,
    seen: status >= 300 ? `${status} to ${show(location)}` : sketch(answer),
    fix: 'Check client and redirect URI first: this server has the user go on before it looks.',
  })
}
