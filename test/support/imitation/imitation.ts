import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RegisteredClient, refuseClient } from './client-proof.ts'
import { Grants } from './grants.ts'
import { IdTokens } from './id-tokens.ts'
import type { Person, Profile, Reply, Seen } from './profile.ts'

/** What a fault is injected at. */
export type Place = 'exchange' | 'refresh' | 'revoke' | 'api' | 'jwks' | 'discovery'

/** One answer other than the usual. `hang` never answers, `reset` hangs up, `huge` does not end. */
export type Fault = Reply | 'hang' | 'reset' | 'huge' | 'lost'

/** A provider on this machine that checks what the real one would check. */
export interface Imitation {
  readonly profile: Profile
  /** Its address on this machine. A request needs the origin that it is meant for in `x-imitated-origin`. */
  readonly address: string
  /** Reaches it under the names of the hosts it stands for. */
  fetch: (input: string, init?: RequestInit) => Promise<Response>
  /** Every request, in order; a browser's too. */
  readonly seen: Seen[]
  /** `exchange`, `refresh`, `revoke`, …: what was asked of it, in order. */
  readonly asked: string[]
  /** What it had to refuse although nobody meant it to. */
  readonly complaints: string[]
  readonly ids: IdTokens
  readonly grants: Grants
  /** The next requests at a place get these instead. */
  readonly faults: { at: Place; fault: Fault }[]
  /** Changes the address that the browser is sent back to. */
  onCallback: ((answer: URLSearchParams) => void) | undefined
  close(): Promise<void>
}

const ORIGIN = 'x-imitated-origin'

export async function startImitation(
  profile: Profile,
  client: RegisteredClient,
  now = () => Math.floor(Date.now() / 1000),
): Promise<Imitation> {
  const seen: Seen[] = []
  const asked: string[] = []
  const complaints: string[] = []
  const faults: { at: Place; fault: Fault }[] = []
  const grants = new Grants(profile, now)
  const ids = new IdTokens()
  const captured = profile.openid?.document
  const jwksUrl =
    (captured?.jwks_uri as string | undefined) ??
    (profile.openid && `${new URL(profile.openid.discovery).origin}/imitated/keys`)
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      complaints.push(`it broke: ${error}`)
      response.writeHead(500).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const scopeParam = (profile.scope !== false && profile.scope?.param) || 'scope'
  const complain = (what: string): void => void complaints.push(what)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = new Headers(request.headers as Record<string, string>)
    const url = new URL(request.url!, headers.get(ORIGIN) ?? base)
    const one: Seen = {
      method: request.method!,
      url: url.origin + url.pathname,
      query: url.searchParams,
      headers,
      text: Buffer.concat(chunks).toString(),
    }
    seen.push(one)
    const { place, reply } = await route(one)
    if (place) asked.push(place)
    const index = faults.findIndex(({ at }) => at === place)
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0]!.fault
    // `lost` does what was asked and says nothing of it: the answer was on its way.
    const lost = fault === 'lost' ? await reply() : undefined
    if (fault === 'reset' || lost) return void request.socket.destroy()
    if (fault === 'hang') return
    if (fault === 'huge') return endless(response)
    send(response, typeof fault === 'object' ? fault : await reply())
  }

  async function route(one: Seen): Promise<{ place?: Place; reply: () => Reply | Promise<Reply> }> {
    const { openid, revoke } = profile
    const key = `${one.method} ${one.url}`
    if (one.url === profile.authorize)
      return { reply: () => (one.method === 'POST' ? signIn(one) : form(one)) }
    if (one.url === profile.token || one.url === profile.refresh) {
      const body = bodyOf(one)
      const place = body.get('grant_type') === 'refresh_token' ? 'refresh' : 'exchange'
      return { place, reply: () => tokens(one, body, place) }
    }
    if (revoke && one.url === revoke.url) return { place: 'revoke', reply: () => endTokens(one) }
    if (openid && key === `GET ${openid.discovery}`) return { place: 'discovery', reply: document }
    if (key === `GET ${jwksUrl}`) return { place: 'jwks', reply: async () => ({ body: await ids.jwks() }) }
    const own = profile.routes?.[key]
    if (own) {
      const about = {
        person: (token: string) => grants.personOf(token),
        end: (token: string) => grants.end(token),
        issued: () => grants.issued(),
      }
      return {
        place: /revoke|deauthorize|^DELETE/.test(key) ? 'revoke' : 'api',
        reply: () => own(one, about),
      }
    }
    const api = profile.api?.[key]
    if (api) {
      return {
        place: 'api',
        reply: () => {
          const missing = missingHeader(one)
          if (missing) return { status: 403, body: { message: `${missing} is missing` } }
          const person = grants.personOf(bearerOf(one))
          return person ? api(person, one) : { status: 401, body: { message: 'Bad credentials' } }
        },
      }
    }
    complain(`it does not know ${key}`)
    return { reply: () => ({ status: 404, body: { message: 'Not Found' } }) }
  }

  /** The sign-in form, or why there is none. */
  function form({ query }: Seen): Reply {
    if (query.get('client_id') !== client.id || query.get('redirect_uri') !== client.redirectUri) {
      complain('a foreign client or redirect_uri')
      return page(400, 'Unknown application or redirect_uri')
    }
    const wrong = wrongAuthorization(query)
    if (wrong) {
      complain(`authorization: ${wrong}`)
      return back(query, { error: 'invalid_request', error_description: wrong })
    }
    const action = `${profile.authorize}?${query}`.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
    return page(
      200,
      `<form method="post" action="${action}"><input name="login"><button>Sign in</button></form>`,
    )
  }

  function wrongAuthorization(query: URLSearchParams): string | undefined {
    const names = [...query.keys()]
    if (new Set(names).size !== names.length) return 'a parameter twice'
    if (query.get('response_type') !== 'code') return 'another response_type'
    if (!query.get('state')) return 'no state'
    if (query.has('resource')) return 'a resource'
    const challenge = query.get('code_challenge')
    if (profile.pkce === 'refused' && challenge) return 'a code_challenge'
    if (profile.pkce === 'required' && !challenge) return 'no code_challenge'
    if (challenge && query.get('code_challenge_method') !== 'S256') return 'another code_challenge_method'
    for (const [name, value] of Object.entries(profile.needs?.authorize ?? {}))
      if (query.get(name) !== value) return `no ${name}=${value}`
    const unknown =
      profile.scope !== false &&
      profile.scope?.allowed &&
      query
        .get(scopeParam)
        ?.split(' ')
        .find((one) => !(profile.scope as { allowed: string[] }).allowed.includes(one))
    if (unknown) return `a scope that is not allowed: ${unknown}`
    if (profile.scope === false) return names.some((name) => /scope/.test(name)) ? 'a scope' : undefined
    const { param = 'scope', separator = ' ' } = profile.scope ?? {}
    const other = names.find((name) => /scope/.test(name) && name !== param)
    if (other) return `a ${other}`
    const scopes = query.get(param)
    if (scopes !== null && (separator === ' ' ? scopes.includes(',') : scopes.includes(' ')))
      return 'a wrong separator'
    return undefined
  }

  function signIn({ query, text }: Seen): Reply {
    const login = new URLSearchParams(text).get('login') || 'ada'
    if (login === 'nobody') return back(query, { error: 'access_denied', error_description: 'They said no' })
    const person: Person = {
      login,
      id: `id-of-${login}`,
      number: 1000 + login.length,
      name: `Name of ${login}`,
      email: `${login}@example.com`,
    }
    const code = grants.issueCode({
      person,
      redirectUri: query.get('redirect_uri')!,
      challenge: query.get('code_challenge') ?? undefined,
      nonce: query.get('nonce') ?? undefined,
      scope: query.get(scopeParam) ?? '',
    })
    return back(query, { code })
  }

  function back(query: URLSearchParams, params: Record<string, string>): Reply {
    const answer = new URLSearchParams({ ...params, state: query.get('state') ?? '' })
    if (profile.iss !== undefined) answer.set('iss', profile.iss)
    profile.callback?.(answer)
    imitation.onCallback?.(answer)
    const target = query.get('redirect_uri')!
    if (!profile.formPost) return { status: 302, headers: { location: `${target}?${answer}` } }
    if (query.get('response_mode') !== 'form_post') return page(400, 'response_mode must be form_post')
    const inputs = [...answer].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
    return page(200, `<form method="post" action="${target}">${inputs.join('')}<button>Go on</button></form>`)
  }

  function bodyOf({ headers, text }: Seen): URLSearchParams {
    const type = headers.get('content-type') ?? ''
    if (profile.body === 'json') {
      if (!type.startsWith('application/json')) complain('a form where JSON is expected')
      return new URLSearchParams(JSON.parse(text) as Record<string, string>)
    }
    if (!type.startsWith('application/x-www-form-urlencoded')) complain(`a body of type ${type}`)
    return new URLSearchParams(text)
  }

  /** The access token of a request to the API. */
  const bearerOf = ({ headers }: Seen): string =>
    profile.tokenHeader === undefined
      ? (/^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? '')
      : (headers.get(profile.tokenHeader) ?? '')

  const missingHeader = ({ headers }: Seen) =>
    Object.entries(profile.needs?.headers ?? {}).find(([name, value]) => headers.get(name) !== value)?.[0]

  const refuse = (error: string, why: string): Reply => {
    const usual = { status: error === 'invalid_client' ? 401 : 400, body: { error, error_description: why } }
    return profile.refusal?.(error) ?? usual
  }
  const mistake = (error: string, why: string): Reply => {
    complain(`token: ${why}`)
    return refuse(error, why)
  }

  async function tokens(one: Seen, body: URLSearchParams, phase: 'exchange' | 'refresh'): Promise<Reply> {
    if (one.method !== 'POST') return mistake('invalid_request', 'no POST')
    const missing = missingHeader(one)
    if (missing) return mistake('invalid_request', `no ${missing}`)
    const unproven = await refuseClient(profile.auth, client, one, body)
    if (unproven) return mistake('invalid_client', unproven)
    if (body.has('resource')) return mistake('invalid_target', 'a resource')
    const lacking = profile.needs?.[phase]?.find((name) => !body.get(name))
    if (lacking) return mistake('invalid_request', `no ${lacking}`)
    if (phase === 'refresh') return refresh(one, body)
    const refused = profile.refusesAtExchange?.find((name) => body.has(name))
    if (refused) return mistake('invalid_request', `a ${refused}`)
    const found = grants.takeCode(body.get('code') ?? '')
    if (!found) return mistake('invalid_grant', 'an unknown code')
    if (one.url !== profile.token) return mistake('invalid_request', 'a code at the refresh endpoint')
    if (
      profile.refusesAtExchange?.includes('redirect_uri') !== true &&
      body.get('redirect_uri') !== found.redirectUri
    )
      return mistake('invalid_grant', 'another redirect_uri')
    const verifier = body.get('code_verifier')
    if (found.challenge !== undefined) {
      const hash = createHash('sha256')
        .update(verifier ?? '')
        .digest('base64url')
      if (hash !== found.challenge) return mistake('invalid_grant', 'a wrong code_verifier')
    } else if (verifier !== null) return mistake('invalid_grant', 'a code_verifier without a challenge')
    return success(grants.open(found), phase)
  }

  async function refresh(one: Seen, body: URLSearchParams): Promise<Reply> {
    if (profile.refresh !== undefined && one.url !== profile.refresh)
      return mistake('invalid_request', 'a refresh at the token endpoint')
    const refused = profile.refusesAtRefresh?.find((name) => body.has(name))
    if (refused) return mistake('invalid_request', `a ${refused}`)
    const renewed = grants.renew(body.get('refresh_token') ?? '')
    if (renewed) return success(renewed, 'refresh')
    return profile.dead ?? refuse('invalid_grant', 'It is over')
  }

  async function success(issued: ReturnType<Grants['open']>, phase: 'exchange' | 'refresh'): Promise<Reply> {
    const { person, scope, nonce } = issued
    const { openid, ttl = 1800 } = profile
    const withId = openid && (openid.always || scope.split(' ').includes('openid'))
    const plain = {
      access_token: issued.accessToken,
      token_type: 'Bearer',
      ...(ttl !== null && { expires_in: ttl }),
      ...(issued.refreshToken !== undefined && { refresh_token: issued.refreshToken }),
      scope,
      ...(withId && {
        id_token: await ids.issue({
          iss: openid.issuer,
          aud: client.id,
          sub: person.id,
          ...(phase === 'exchange' && nonce !== undefined && { nonce }),
          ...openid.claims?.(person),
        }),
      }),
    }
    const body = profile.shape?.(plain, { person, phase }) ?? plain
    if (!profile.asForm) return { body }
    const form = new URLSearchParams(body as Record<string, string>).toString()
    return { body: form, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } }
  }

  async function endTokens(one: Seen): Promise<Reply> {
    const { style, auth, ends, method = 'POST', only, over } = profile.revoke!
    if (one.method !== method) return mistake('invalid_request', `a revocation without ${method}`)
    if (style === 'bearer') {
      const token = bearerOf(one)
      if (one.text !== '') complain('a body where there is none')
      if (!grants.personOf(token)) return over ?? refuse('invalid_token', 'It is over')
      grants.end(token, ends === 'authorization')
      return { body: { ok: true, revoked: true } }
    }
    const body = bodyOf(one)
    const unproven = await refuseClient(auth ?? profile.auth, client, one, body)
    if (unproven) return mistake('invalid_client', `revocation: ${unproven}`)
    const strange =
      only && [...body.keys()].find((name) => ![...only, 'client_id', 'client_secret'].includes(name))
    if (strange) return mistake('invalid_request', `revocation: a ${strange}`)
    const ended = grants.end(body.get('token') ?? '', ends === 'authorization')
    return (!ended && over) || { status: 200 }
  }

  function document(): Reply {
    const { openid, revoke, iss } = profile
    if (captured)
      return { body: { ...captured, ...(openid?.documentIssuer && { issuer: openid.documentIssuer }) } }
    return {
      body: {
        issuer: openid?.documentIssuer ?? openid?.issuer,
        authorization_endpoint: profile.authorize,
        token_endpoint: profile.token,
        jwks_uri: jwksUrl,
        ...(revoke && { revocation_endpoint: revoke.url }),
        ...(me && { userinfo_endpoint: me }),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: [
          profile.auth === 'post' ? 'client_secret_post' : 'client_secret_basic',
        ],
        scopes_supported: openid?.scopes ?? ['openid', 'profile', 'email', 'offline_access'],
        ...(iss !== undefined && { authorization_response_iss_parameter_supported: true }),
      },
    }
  }
  const me = Object.keys(profile.api ?? {})[0]?.split(' ')[1]

  const imitation: Imitation = {
    profile,
    address: base,
    seen,
    asked,
    complaints,
    ids,
    grants,
    faults,
    onCallback: undefined,
    fetch: (input, init = {}) => {
      const url = new URL(input)
      const headers = new Headers(init.headers)
      headers.set(ORIGIN, url.origin)
      return fetch(base + url.pathname + url.search, { ...init, headers })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return imitation
}

const page = (status: number, html: string): Reply => ({
  status,
  body: `<!doctype html><title>Provider</title>${html}`,
  headers: { 'content-type': 'text/html; charset=utf-8' },
})

function send(response: ServerResponse, { status = 200, body, headers }: Reply): void {
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

/** Sends until the other side has enough. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = (): void => {
    while (!response.destroyed && response.write(`${randomBytes(8192).toString('hex')}\n`));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}
