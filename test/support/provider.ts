import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'
import type { Browser, Shown } from './browser.ts'
import { asPage } from './browser.ts'

/** A real OpenID Connect provider on this machine, with a sign-in form that takes any login. */
export interface TestProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** `METHOD path` of every request it got. */
  readonly requests: string[]
  /** Every `Authorization` header and body it got, to look for what must never reach it. */
  readonly received: string[]
  /** The path and query of every request it got. */
  readonly addresses: string[]
  /** The next request to a path gets this answer instead. */
  failNext(path: string, answer: { status: number; body: unknown }): void
  /** Ends every token it gave out. */
  revokeAll(): void
  close(): Promise<void>
}

/**
 * @param options.redirectUris Where it may send its answers: the proxy's callback.
 * @param options.accessTokenTtl Seconds, 3600 by default.
 */
export async function startProvider(options: {
  redirectUris: string[]
  accessTokenTtl?: number
  port?: number
  configuration?: Configuration
  /** Milliseconds between the effect of a request and its response, by path. */
  slow?: Readonly<Record<string, number>>
  /** Changes the provider before it serves, for example by a grant type of its own. */
  setup?: (provider: Provider) => void
}): Promise<TestProvider> {
  const requests: string[] = []
  const received: string[] = []
  const addresses: string[] = []
  const [clientId, clientSecret] = ['proxy', 'proxy-secret-of-the-test-provider']
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const live = new Map<string, { destroy(): Promise<void> }>()
  const failures = new Map<string, { status: number; body: unknown }>()

  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: options.redirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    features: {
      devInteractions: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
    },
    cookies: { keys: ['a key of the test provider'] },
    ttl: {
      AccessToken: options.accessTokenTtl ?? 3600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `Name of ${id}`, email: `${id}@example.com`, email_verified: true }),
    }),
    ...options.configuration,
  })
  options.setup?.(provider)
  provider.on('access_token.saved', (token) => live.set(token.jti, token))
  provider.on('refresh_token.saved', (token) => live.set(token.jti, token))
  const handle = provider.callback()
  server.on('request', (request, response) => {
    addresses.push(request.url ?? '')
    requests.push(`${request.method} ${request.url?.split('?')[0]}`)
    received.push(request.headers.authorization ?? '')
    const collected: Buffer[] = []
    request.on('data', (chunk: Buffer) => collected.push(chunk))
    request.on('end', () => received.push(Buffer.concat(collected).toString()))
    const path = request.url?.split('?')[0] ?? ''
    const slow = options.slow?.[path]
    if (slow !== undefined) delayEnd(response, slow)
    const failure = failures.get(path)
    if (!failure) return void handle(request, response)
    failures.delete(path)
    response
      .writeHead(failure.status, { 'content-type': 'application/json' })
      .end(JSON.stringify(failure.body))
  })
  const controls = {
    requests,
    received,
    addresses,
    failNext: (path: string, answer: { status: number; body: unknown }) => void failures.set(path, answer),
    revokeAll() {
      for (const token of live.values()) void token.destroy()
      live.clear()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  // Its controls are hidden from a spread, so that it can be given to `oidc` as it is.
  const hidden = Object.entries(controls).map(([name, value]) => [name, { value, enumerable: false }])
  return Object.defineProperties(
    { issuer, clientId, clientSecret },
    Object.fromEntries(hidden),
  ) as TestProvider
}

function delayEnd(response: ServerResponse, time: number): void {
  const end = response.end.bind(response) as (...args: unknown[]) => unknown
  response.end = ((...args: unknown[]) => {
    setTimeout(() => end(...args), time)
    return response
  }) as typeof response.end
}

/** Walks through the provider's own pages: signs in, then agrees where it asks. */
export async function signInAtProvider(
  browser: Browser,
  page: Shown,
  options: { stopAt: string; login?: string },
): Promise<Shown | string> {
  const { origin } = new URL(page.url)
  let shown: Shown | string = page
  for (let step = 0; step < 4 && typeof shown !== 'string'; step++) {
    const current = asPage(shown)
    // A page of the proxy has forms too, such as the one for another account.
    if (new URL(current.url).origin !== origin) return current
    const asksForLogin = current.document.querySelector('input[name=login]') !== null
    if (!asksForLogin && !current.document.querySelector('form')) return current
    const values: Record<string, string> = asksForLogin
      ? { login: options.login ?? 'ada', password: 'any' }
      : {}
    shown = await browser.submit(current, values, { stopAt: options.stopAt })
  }
  return shown
}
