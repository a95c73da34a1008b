import { type Finding, fail, judge, ok, type Problem, show, skip, warn } from '../finding.ts'
import { type Answer, sketch } from '../probe.ts'
import { type Check, endpointOf } from '../world.ts'

/** How the token endpoint refuses: clients act on the code, so a page or a 500 sends users in circles (OAuth 2.1 §3.2.4). */
export const tokenEndpoint: Check = async (world) => {
  const url = endpointOf(world, 'token_endpoint')
  if (url === undefined) return []
  const answer = await world.probe.send(url, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'lockgate-doctor-unknown',
      code: 'lockgate-doctor',
      code_verifier: 'lockgate-doctor'.padEnd(43, '-'),
      redirect_uri: 'http://127.0.0.1:33418/callback',
    }),
  })
  const get = await world.probe.send(url)
  return [
    judge('token.error', 'An unknown client is refused in OAuth’s words', misread(answer), sketch(answer)),
    judge(
      'token.get',
      'The token endpoint takes POST only',
      get.status >= 400 && get.status < 500
        ? undefined
        : {
            seen: `GET ${show(url)}: ${sketch(get)}`,
            expected: '405 or 404',
            fix: 'Answer other methods than POST with 405.',
          },
    ),
    caching(answer),
  ]
}

function misread(answer: Answer): Problem | undefined {
  const { status, json } = answer
  const code = json?.error
  const seen = `POST ${show(answer.url)} with an unknown client: ${sketch(answer)}`
  const expected = '401 (or 400) with {"error":"invalid_client"}'
  if (status === 429) return { seen, expected, fix: 'Allow a few requests in a row at the token endpoint.' }
  if (status < 400 || status >= 500) {
    return {
      seen,
      expected,
      fix: 'Refuse bad input with 400 or 401: clients take a 5xx for a reason to begin anew.',
    }
  }
  if (typeof code !== 'string') {
    return {
      seen,
      expected,
      fix: 'Answer as application/json with an `error` code, and let no proxy in front put its own error page there.',
    }
  }
  if (code === 'invalid_client') return undefined
  return {
    seen,
    expected,
    fix: 'Respond invalid_client to an unknown client. Only then do clients register again.',
  }
}

function caching({ headers, error }: Answer): Finding {
  const [id, title] = ['token.caching', 'Nothing keeps answers of the token endpoint']
  if (error !== undefined) return skip(id, title, error)
  const value = headers.get('cache-control')
  if (/\bno-store\b/i.test(value ?? '')) return ok(id, title)
  const problem = {
    seen: value === null ? 'no Cache-Control header' : `Cache-Control: ${show(value)}`,
    expected: 'Cache-Control: no-store',
    fix: 'Send no-store with each answer of the token endpoint, errors included, and let no proxy in front change it.',
  }
  return /\b(public|max-age|s-maxage)\b/i.test(value ?? '')
    ? fail(id, title, problem)
    : warn(id, title, problem)
}
