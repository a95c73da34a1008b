import { createProxy, type Fetch, type ProxyEvent, type ProxyOptions } from '../../../src/index.ts'
import { memory } from '../../storage/memory.ts'
import { whyNot } from '../unreached.ts'

/** One request to the provider, with its answer. */
export interface Exchange {
  readonly url: string
  readonly method: string
  /** 0 where no answer came. */
  readonly status: number
  /** Why no answer came. */
  readonly error?: string
  readonly text: string
  readonly json: Readonly<Record<string, unknown>> | undefined
}

/** A sign-in up to the point where a person would have to act, and a made-up code taken to the provider. */
export interface Trial {
  readonly exchanges: readonly Exchange[]
  /** Where the browser would have been sent; absent where it did not come so far. */
  readonly authorizationUrl: string | undefined
  /** Why not, in the words of the event. */
  readonly reason: string | undefined
}

const CLIENT = 'lockgate-doctor'
const REDIRECT = 'http://127.0.0.1/lockgate-doctor'

/**
 * Goes through a sign-in with the settings of the deployment, in this process and in memory. The provider is asked
 * exactly as the deployment would ask it, and nothing is written anywhere.
 *
 * @param resource Which of several servers.
 * @param provider The id of one of several.
 * @throws {ConfigError} For wrong settings.
 */
export async function trySignIn(
  options: ProxyOptions,
  fetch: Fetch,
  resource: string | undefined,
  provider: string | undefined,
): Promise<Trial> {
  const exchanges: Exchange[] = []
  const events: ProxyEvent[] = []
  const proxy = createProxy({
    ...options,
    // Judged elsewhere; one that is wrong must not hide the rest.
    secret: crypto.randomUUID() + crypto.randomUUID(),
    storage: memory(),
    registration: 'off',
    clients: [{ clientId: CLIENT, redirectUris: [REDIRECT] }],
    on: { event: (event) => void events.push(event) },
    fetch: recording(
      typeof options.fetch === 'object' ? (options.fetch.provider ?? fetch) : (options.fetch ?? fetch),
      exchanges,
    ),
  })
  const reason = () => events.findLast(({ type }) => type === 'failed' || type === 'refused')?.reason
  const call = (path: string, init: RequestInit = {}) => proxy.fetch(new Request(proxy.issuer + path, init))

  const params = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: REDIRECT,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...(resource !== undefined && { resource }),
  })
  const consent = await call(`/authorize?${params}`)
  const request = /name="request" value="([^"]+)"/.exec(await consent.text())?.[1]
  if (request === undefined) return { exchanges, authorizationUrl: undefined, reason: reason() }
  const approved = await call('/consent', {
    method: 'POST',
    headers: { cookie: cookiesOf(consent) },
    body: new URLSearchParams({ request, decision: 'allow', ...(provider !== undefined && { provider }) }),
  })
  const location = approved.headers.get('location') ?? undefined
  // If the sign-in cannot begin, the client gets an error instead.
  const authorizationUrl = location?.startsWith(REDIRECT) ? undefined : location
  if (authorizationUrl === undefined) return { exchanges, authorizationUrl, reason: reason() }
  const { searchParams: sent } = new URL(authorizationUrl)
  const state = sent.get('state') ?? ''
  const answer = new URLSearchParams({ code: 'lockgate-doctor', state, ...issuerOf(exchanges) })
  const callback = (sent.get('redirect_uri') ?? '').slice(proxy.issuer.length) || '/callback'
  await call(`${callback}?${answer}`, { headers: { cookie: cookiesOf(approved) } })
  return { exchanges, authorizationUrl, reason: reason() }
}

function recording(fetch: Fetch, exchanges: Exchange[]): Fetch {
  return async (url, init) => {
    const method = init.method ?? 'GET'
    try {
      const response = await fetch(url, init)
      const text = await response.clone().text()
      exchanges.push({ url, method, status: response.status, text, json: parse(text) })
      return response
    } catch (error) {
      exchanges.push({ url, method, status: 0, error: whyNot(error), text: '', json: undefined })
      throw error
    }
  }
}

/** A provider that says it names itself on the callback has to. */
function issuerOf(exchanges: readonly Exchange[]): { iss?: string } {
  const { json } = exchanges.find((exchange) => exchange.json?.authorization_endpoint !== undefined) ?? {}
  const names = json?.authorization_response_iss_parameter_supported === true
  return names && typeof json?.issuer === 'string' ? { iss: json.issuer } : {}
}

const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')

function parse(text: string): Exchange['json'] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
