/** Tokens, and the client they were issued to. */
export interface Session {
  readonly clientId: string
  readonly accessToken: string
  readonly refreshToken: string
}

/** Takes a request to the product, in this process or over HTTP. Follows no redirect. */
export type Send = (request: Request) => Promise<Response>

/** One product under measurement, asked through its front door only. */
export interface Subject {
  readonly name: string
  /** Where its MCP server is. */
  readonly resource: string
  readonly fetch: Send
  /** Registers a client. @returns Its `client_id`. */
  register?(send: Send): Promise<string>
  /** A whole sign-in, from the authorization request to the tokens. */
  signIn?(send: Send, clientId: string): Promise<Session>
  refresh?(send: Send, session: Session): Promise<Session>
  /** Forgets what its process knows; what it stored stays. */
  restart?(): void
  /** Another instance on the same storage. */
  readonly twin?: Send
}

/** Makes a product ready to serve at an origin. */
export type MakeSubject = (origin: string) => Subject | Promise<Subject>

export const REDIRECT = 'http://127.0.0.1:5555/callback'
export const VERIFIER = 'v'.repeat(43)
/** S256 of {@link VERIFIER}. */
export const CHALLENGE = '7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM'

/** The answer of every request to an MCP server. */
export const answer = (): Response => new Response('{}', { headers: { 'content-type': 'application/json' } })

export const METADATA = {
  client_name: 'Bench',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
}

/** @throws {Error} For any other status: what is refused must not pass for fast. */
export async function expectStatus(response: Response, status: number): Promise<Response> {
  if (response.status !== status) {
    throw new Error(`expected ${status}, got ${response.status}: ${await response.text()}`)
  }
  return response
}

export const form = (
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Request => new Request(url, { method: 'POST', body: new URLSearchParams(fields), headers })

let people = 0
/** The provider behind, the same for everybody: an endpoint for tokens and one that says who it is. */
export async function upstream(input: string | URL | Request): Promise<Response> {
  const url = input instanceof Request ? input.url : String(input)
  if (url.endsWith('/token')) {
    return Response.json({
      access_token: `upstream-access-${people}-${'a'.repeat(40)}`,
      refresh_token: `upstream-refresh-${people}-${'r'.repeat(40)}`,
      token_type: 'bearer',
      expires_in: 36_000,
      scope: 'profile email',
    })
  }
  const id = people++
  return Response.json({ id: `user-${id}`, name: 'Ada Lovelace', email: `ada-${id}@example.com` })
}

/** Registers {@link METADATA}. */
export async function registerAt(origin: string, send: Send): Promise<string> {
  const init = {
    method: 'POST',
    body: JSON.stringify(METADATA),
    headers: { 'content-type': 'application/json' },
  }
  const response = await expectStatus(await send(new Request(`${origin}/register`, init)), 201)
  return ((await response.json()) as { client_id: string }).client_id
}

export async function redeemAt(origin: string, send: Send, clientId: string, code: string): Promise<Session> {
  const fields = {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: VERIFIER,
    redirect_uri: REDIRECT,
  }
  return toSession(await send(form(`${origin}/token`, fields)), clientId)
}

export async function refreshAt(origin: string, send: Send, session: Session): Promise<Session> {
  const { clientId, refreshToken } = session
  const fields = { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }
  return toSession(await send(form(`${origin}/token`, fields)), clientId)
}

/** The authorization request of every client. */
export const authorizeQuery = (origin: string, clientId: string, more: Record<string, string> = {}): string =>
  new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'state',
    resource: `${origin}/mcp`,
    ...more,
  }).toString()

/** A parameter of the address that an answer leads to. */
export const answered = (response: Response, name: string, base?: string): string =>
  new URL(response.headers.get('location')!, base).searchParams.get(name)!

/** What a token endpoint answered, as the session it opens. */
export async function toSession(response: Response, clientId: string): Promise<Session> {
  await expectStatus(response, 200)
  const body = (await response.json()) as { access_token: string; refresh_token: string }
  return { clientId, accessToken: body.access_token, refreshToken: body.refresh_token }
}

/** What a browser would send back: cookies that were set, not those that were ended. */
export const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .filter((cookie) => !/Max-Age=0/i.test(cookie))
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ')
