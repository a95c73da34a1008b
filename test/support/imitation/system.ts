import { createProxy, type ProxyEvent, type ProxyOptions } from 'lockgate'
import type { Provider } from 'lockgate/providers/define'
import { memory } from 'lockgate/storage/memory'
import { asPage, asUrl, Browser, type Shown } from '../browser.ts'
import { counting } from '../counting-store.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  redeemParams,
  register,
  type System,
  type TestClient,
  type Tokens,
} from '../system.ts'
import type { RegisteredClient } from './client-proof.ts'
import { type Imitation, startImitation } from './imitation.ts'
import type { Profile } from './profile.ts'

export const URL_OF_PROXY = 'https://proxy.example.com'

/** The application that is registered at every imitation. Servers that decode Basic read it like those that do not. */
export const CLIENT: RegisteredClient = {
  id: 'client-1.of_the.tests',
  secret: 'a-secret_with.odd~signs:/=',
  redirectUri: `${URL_OF_PROXY}/callback`,
}

/** A proxy before an imitation. */
export interface ImitatedSystem extends System {
  readonly imitation: Imitation
  /** Everything the provider's browser pages and the proxy answered to a client, as text. */
  readonly answers: string[]
}

export async function startImitated(
  provider: Provider,
  profile: Profile,
  options: Partial<ProxyOptions> & {
    client?: RegisteredClient
    /** One that is there already, for a second instance before it. */
    before?: Imitation
  } = {},
): Promise<ImitatedSystem> {
  const { client = CLIENT, before, ...own } = options
  const clock = { ahead: 0 }
  const now = () => Math.floor(Date.now() / 1000) + clock.ahead
  const imitation = before ?? (await startImitation(profile, client, now))
  const events: ProxyEvent[] = []
  const answers: string[] = []
  const store = counting(own.storage ?? memory())
  const proxy = createProxy({
    url: URL_OF_PROXY,
    secret: 'a secret of the tests, long enough to be one',
    upstream: provider,
    mcp: async (request, { user, upstream }) => {
      const refused = request.headers.get('x-refused') ?? undefined
      return Response.json({ user, token: await upstream.accessToken({ refused }) })
    },
    on: { event: (event) => events.push(event) },
    fetch: (input, init) => imitation.fetch(input, init),
    now,
    // Every request reads the grant, so that no earlier answer hides a change.
    revocationLag: 0,
    ...own,
    storage: store,
  })
  const answered = async (request: Request): Promise<Response> => {
    const response = await proxy.fetch(request)
    answers.push(JSON.stringify([...response.headers]), await response.clone().text())
    return response
  }
  const reach = async (request: Request): Promise<Response> => {
    if (new URL(request.url).origin === URL_OF_PROXY) return answered(request)
    const { method, headers } = request
    const body = method === 'GET' ? {} : { body: await request.text() }
    return imitation.fetch(request.url, { method, headers, redirect: 'manual', ...body })
  }
  return {
    proxy,
    imitation,
    answers,
    provider: undefined as never,
    store,
    events,
    url: URL_OF_PROXY,
    mcp: `${URL_OF_PROXY}/mcp`,
    clock,
    call: (path, init) => answered(new Request(path.startsWith('/') ? URL_OF_PROXY + path : path, init)),
    post: (path, params, headers) =>
      answered(
        new Request(URL_OF_PROXY + path, {
          method: 'POST',
          body: new URLSearchParams(params),
          headers: headers ?? {},
        }),
      ),
    browser: () => new Browser({ fetch: reach }),
    close: () => imitation.close(),
  }
}

/** A sign-in through the proxy's consent page and the imitation's form, up to the answer for the client. */
export async function signInImitated(
  system: ImitatedSystem,
  client: TestClient,
  login = 'ada',
): Promise<{ answer: URL; verifier: string; last: Shown | string }> {
  const browser = system.browser()
  const verifier = newVerifier()
  const stopAt = client.redirectUri
  const resource = { resource: system.mcp }
  const consent = asPage(
    await browser.open(authorizeUrl(system, client, { code_challenge: challengeOf(verifier), ...resource })),
  )
  const form = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  let shown = await browser.submit(form, { login }, { stopAt })
  // An answer by form is posted from the provider's own page, across sites.
  if (typeof shown !== 'string' && shown.document.querySelector(`form[action="${system.url}/callback"]`))
    shown = await browser.submit(shown, {}, { stopAt })
  return { answer: asUrl(shown), verifier, last: shown }
}

/** A client that is through with all of it. */
export async function connectImitated(
  system: ImitatedSystem,
  login?: string,
): Promise<{ client: TestClient; tokens: Tokens }> {
  const client = await register(system)
  const { answer, verifier } = await signInImitated(system, client, login)
  const code = answer.searchParams.get('code')
  if (!code)
    throw new Error(
      `no code: ${answer.search} ${JSON.stringify(system.events)} ${system.imitation.complaints}`,
    )
  const response = await system.post('/token', redeemParams(client, { code, verifier }))
  if (response.status !== 200) throw new Error(`/token answered ${response.status} ${await response.text()}`)
  return { client, tokens: (await response.json()) as Tokens }
}

/** What the MCP server behind was told. */
export interface Told {
  readonly user: {
    readonly id: string
    readonly email?: string
    readonly emailVerified: boolean
    readonly name?: string
    readonly claims: Readonly<Record<string, unknown>>
  }
  readonly token: string
}

export async function callServer(system: ImitatedSystem, accessToken: string): Promise<Told> {
  const response = await system.call('/mcp', {
    method: 'POST',
    body: '{}',
    headers: { authorization: `Bearer ${accessToken}` },
  })
  if (response.status !== 200)
    throw new Error(
      `/mcp answered ${response.status} ${await response.text()} ${JSON.stringify(system.events.at(-1))} ${system.imitation.complaints}`,
    )
  return (await response.json()) as Told
}
