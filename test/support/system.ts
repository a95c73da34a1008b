import { createHash, randomBytes } from 'node:crypto'
import { createProxy, type OAuthProxy, type ProxyEvent, type ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { asPage, asUrl, Browser } from './browser.ts'
import { type CountingStore, counting } from './counting-store.ts'
import { signInAtProvider, startProvider, type TestProvider } from './provider.ts'

/** A proxy called through its `fetch`, with a real provider behind it. */
export interface System {
  readonly proxy: OAuthProxy
  readonly provider: TestProvider
  readonly store: CountingStore
  readonly events: ProxyEvent[]
  readonly url: string
  readonly mcp: string
  /** The proxy's clock: seconds that are added to the real time. */
  readonly clock: { ahead: number }
  /** One request to the proxy; a path is taken below its URL. */
  call(path: string, init?: RequestInit): Promise<Response>
  post(
    path: string,
    params: Record<string, string> | URLSearchParams,
    headers?: HeadersInit,
  ): Promise<Response>
  /** A browser that reaches the proxy in this process and the provider over HTTP. */
  browser(): Browser
  close(): Promise<void>
}

export interface StartedSystem extends System {
  /** Another process with the same provider, storage and clock, but for what is changed. */
  another(changes?: Partial<ProxyOptions>): StartedSystem
}

const SECRET = 'a secret of the tests, long enough to be one'

export async function startSystem(
  given: Partial<ProxyOptions> & {
    /** Seconds that the provider's access tokens live. */
    providerTtl?: number
    /** What is asked of the provider, instead of the usual. */
    providerScopes?: string[]
  } = {},
): Promise<StartedSystem> {
  const { providerTtl, providerScopes: scopes, ...own } = given
  const url = own.url ?? 'http://localhost:8787'
  const provider = await startProvider({
    redirectUris: [`${url}/callback`],
    ...(providerTtl !== undefined && { accessTokenTtl: providerTtl }),
  })
  const store = counting(own.storage ?? memory())
  const events: ProxyEvent[] = []
  const clock = { ahead: 0 }
  const options: ProxyOptions = {
    secret: SECRET,
    upstream: oidc({ ...provider, name: 'the provider', scopes }),
    mcp: (_request, auth) =>
      Response.json({ user: auth.user.id, scopes: auth.scopes, client: auth.clientId }),
    on: { event: (event) => events.push(event) },
    now: () => Math.floor(Date.now() / 1000) + clock.ahead,
    ...own,
    url,
    storage: store,
  }
  const around = (proxy: OAuthProxy): StartedSystem => {
    const reach = (request: Request) =>
      new URL(request.url).origin === new URL(url).origin ? proxy.fetch(request) : fetch(request)
    return {
      proxy,
      provider,
      store,
      events,
      url,
      mcp: `${url}/mcp`,
      clock,
      call: (path, init) => proxy.fetch(new Request(path.startsWith('/') ? url + path : path, init)),
      post: (path, params, headers) =>
        proxy.fetch(
          new Request(url + path, {
            method: 'POST',
            body: new URLSearchParams(params),
            headers: headers ?? {},
          }),
        ),
      browser: () => new Browser({ fetch: reach }),
      another: (changes = {}) => around(createProxy({ ...options, ...changes })),
      close: () => provider.close(),
    }
  }
  return around(createProxy(options))
}

/** A client that registered itself. */
export interface TestClient {
  readonly id: string
  readonly secret: string | undefined
  readonly redirectUri: string
}

export const REDIRECT = 'http://127.0.0.1:5555/callback'

export async function register(system: System, metadata: Record<string, unknown> = {}): Promise<TestClient> {
  const response = await system.call('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Test client',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  })
  const body = (await response.json()) as Record<string, string> & { redirect_uris: string[] }
  if (response.status !== 201)
    throw new Error(`registration answered ${response.status} ${JSON.stringify(body)}`)
  return { id: body.client_id!, secret: body.client_secret, redirectUri: body.redirect_uris[0]! }
}

export const newVerifier = (): string => randomBytes(32).toString('base64url')
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')

/** The address a client sends the browser to. Parameters that are `undefined` are left out. */
export function authorizeUrl(
  system: System,
  client: TestClient,
  params: Record<string, string | undefined> = {},
): string {
  const all = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUri,
    code_challenge: challengeOf('v'.repeat(43)),
    code_challenge_method: 'S256',
    state: 'a state',
    ...params,
  }
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${system.url}/authorize?${new URLSearchParams(given)}`
}

/** What a sign-in ends with: the address the browser was sent to, and the verifier that redeems its code. */
export interface SignedIn {
  readonly answer: URL
  readonly code: string
  readonly verifier: string
  readonly browser: Browser
}

/** A whole sign-in in a browser: consent, the provider's form, and back. */
export async function signIn(
  system: System,
  client: TestClient,
  options: { params?: Record<string, string | undefined>; browser?: Browser; login?: string } = {},
): Promise<SignedIn> {
  const browser = options.browser ?? system.browser()
  const verifier = newVerifier()
  const params: Record<string, string | undefined> = {
    code_challenge: challengeOf(verifier),
    ...options.params,
  }
  const stopAt = params.redirect_uri ?? client.redirectUri
  const consent = asPage(await browser.open(authorizeUrl(system, client, params)))
  const next = await browser.submit(consent, { decision: 'allow' }, { stopAt })
  const login = options.login === undefined ? {} : { login: options.login }
  const answer = asUrl(
    typeof next === 'string' ? next : await signInAtProvider(browser, next, { stopAt, ...login }),
  )
  return { answer, code: answer.searchParams.get('code') ?? '', verifier, browser }
}

/** The token endpoint's answer. */
export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
  readonly scope: string
  readonly token_type: string
}

export const redeemParams = (
  client: TestClient,
  { code, verifier }: Pick<SignedIn, 'code' | 'verifier'>,
) => ({
  grant_type: 'authorization_code',
  client_id: client.id,
  code,
  code_verifier: verifier,
  redirect_uri: client.redirectUri,
})

export const refreshParams = (client: TestClient, refreshToken: string) => ({
  grant_type: 'refresh_token',
  client_id: client.id,
  refresh_token: refreshToken,
})

/** A client with tokens, from registration on. */
export async function connect(
  system: System,
  options: { client?: TestClient; params?: Record<string, string>; login?: string } = {},
): Promise<{ client: TestClient; tokens: Tokens; signedIn: SignedIn }> {
  const client = options.client ?? (await register(system))
  const signedIn = await signIn(system, client, options)
  const response = await system.post('/token', redeemParams(client, signedIn))
  if (response.status !== 200) throw new Error(`/token answered ${response.status} ${await response.text()}`)
  return { client, tokens: (await response.json()) as Tokens, signedIn }
}

/** A request to the guarded server. */
export const guarded = (system: System, accessToken: string, init: RequestInit = {}): Promise<Response> =>
  system.call('/mcp', {
    method: 'POST',
    body: '{}',
    ...init,
    headers: { authorization: `Bearer ${accessToken}`, ...init.headers },
  })

/** Status and error code of an answer, as tests compare them. */
export async function outcome(response: Response): Promise<[number, string | undefined]> {
  const text = await response.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as { error?: string }) : {}
  return [response.status, body.error]
}
