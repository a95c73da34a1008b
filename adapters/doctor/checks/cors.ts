import { INITIALIZE, MCP_HEADERS } from '../discovery.ts'
import { type Finding, fail, ok, type Problem, show, skip, warn } from '../finding.ts'
import { type Answer, sketch } from '../probe.ts'
import { type Check, endpointOf, type World } from '../world.ts'

/** The MCP Inspector's page, the browser client that everybody has. */
const ORIGIN = 'http://localhost:6274'

interface Target {
  readonly id: string
  readonly title: string
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: readonly string[]
}

/** What a client in a browser page needs to be let through by the browser (Fetch standard, CORS protocol). */
export const cors: Check = async (world) => {
  const findings: Finding[] = []
  for (const target of targets(world)) findings.push(await preflight(world, target))
  return [...findings, await exposed(world), ...(await session(world))]
}

function targets(world: World): Target[] {
  const { resource, server, address } = world
  const token = endpointOf(world, 'token_endpoint')
  const register = endpointOf(world, 'registration_endpoint')
  const metadata = { method: 'GET', headers: ['mcp-protocol-version'] } as const
  const list: Array<Target | undefined> = [
    resource && {
      id: 'cors.resource',
      title: 'Browser clients may read the metadata of the resource',
      url: resource.url,
      ...metadata,
    },
    server && {
      id: 'cors.server',
      title: 'Browser clients may read the metadata of the server',
      url: server.url,
      ...metadata,
    },
    register === undefined
      ? undefined
      : {
          id: 'cors.register',
          title: 'Browser clients may register',
          url: register,
          method: 'POST',
          headers: ['content-type'],
        },
    token === undefined
      ? undefined
      : {
          id: 'cors.token',
          title: 'Browser clients may ask for tokens',
          url: token,
          method: 'POST',
          headers: ['authorization'],
        },
    {
      id: 'cors.mcp',
      title: 'Browser clients may call the server',
      url: address,
      method: 'POST',
      headers: ['authorization', 'content-type', 'mcp-protocol-version', 'mcp-session-id'],
    },
  ]
  return list.filter((target) => target !== undefined)
}

async function preflight({ probe }: World, { id, title, url, method, headers }: Target): Promise<Finding> {
  const answer = await probe.send(url, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': method,
      'access-control-request-headers': headers.join(','),
    },
  })
  const allowed = split(answer, 'access-control-allow-headers')
  // The asterisk stands for every header but this one.
  const missing = headers.filter(
    (name) => !allowed.includes(name) && (name === 'authorization' || !allowed.includes('*')),
  )
  const problem: Problem = {
    seen: `OPTIONS ${show(url)}: ${sketch(answer)}, ${letsIn(answer) ? `no ${missing.join(', ')} in Access-Control-Allow-Headers` : 'no Access-Control-Allow-Origin'}`,
    expected: `2xx that lets in ${ORIGIN} with ${headers.join(', ')}`,
    fix: 'Answer OPTIONS there without asking for a token, with the CORS headers, and let no proxy in front take them away.',
  }
  const good = answer.status >= 200 && answer.status < 300 && letsIn(answer) && missing.length === 0
  return good ? ok(id, title) : fail(id, title, problem)
}

/** What a page may read of the 401. */
async function exposed({ probe, address }: World): Promise<Finding> {
  const [id, title] = ['cors.exposed', 'Browser clients may read the 401 and its challenge']
  const answer = await probe.send(address, { headers: { origin: ORIGIN, accept: 'text/event-stream' } })
  if (!letsIn(answer)) {
    return fail(id, title, {
      seen: `${sketch(answer)}, no Access-Control-Allow-Origin`,
      expected: `a 401 that lets in ${ORIGIN}`,
      fix: 'Send the CORS headers on refusals too.',
    })
  }
  if (exposes(answer, 'www-authenticate')) return ok(id, title)
  return warn(id, title, {
    seen: 'WWW-Authenticate is not in Access-Control-Expose-Headers',
    expected: 'Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id',
    fix: 'Expose WWW-Authenticate on the 401, or pages have to guess where the metadata is.',
  })
}

/** With a token: whether a page may read which session it is in. */
async function session({ probe, address, token }: World): Promise<Finding[]> {
  if (token === undefined) return []
  const [id, title] = ['cors.session', 'Browser clients may read the id of their session']
  const headers = { ...MCP_HEADERS, origin: ORIGIN, authorization: `Bearer ${token}` }
  const answer = await probe.send(address, { method: 'POST', headers, body: INITIALIZE })
  const given = answer.headers.get('mcp-session-id')
  if (given === null) return [skip(id, title, `no session: ${sketch(answer)}`)]
  await probe.send(address, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': given } })
  if (letsIn(answer) && exposes(answer, 'mcp-session-id')) return [ok(id, title)]
  return [
    fail(id, title, {
      seen: `${letsIn(answer) ? 'Mcp-Session-Id is not in Access-Control-Expose-Headers' : 'no Access-Control-Allow-Origin'}`,
      expected: 'Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id',
      fix: 'Expose Mcp-Session-Id: a page that cannot read it loses its session with the next request.',
    }),
  ]
}

const exposes = (answer: Answer, name: string): boolean => {
  const names = split(answer, 'access-control-expose-headers')
  return names.includes(name) || names.includes('*')
}

function letsIn({ headers }: Answer): boolean {
  const origin = headers.get('access-control-allow-origin')
  return origin === '*' || origin === ORIGIN
}

const split = ({ headers }: Answer, name: string): string[] =>
  (headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase())
