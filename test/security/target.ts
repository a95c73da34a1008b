import assert from 'node:assert/strict'
import type { ProxyEvent } from 'lockgate'
import { asPage, Browser, type Shown } from '../support/browser.ts'
import type { DocumentServer } from '../support/document-server.ts'
import type { ExchangeProvider } from '../support/exchange-provider.ts'
import { authorizeUrl, type System, type TestClient, type Tokens } from '../support/system.ts'
import type { Key } from './key.ts'

/** The proxies of `entries/app.js`: one configuration each, one storage for all. */
export type Instance =
  | 'main'
  | 'twin'
  | 'rotated'
  | 'retired'
  | 'strict'
  | 'public'
  | 'nested'
  | 'tenants'
  | 'narrow'
  | 'narrower'
  | 'talkative'
  | 'limited'
  | 'open'
  | 'issuers'
  | 'issuersTwin'
  | 'remembering'

/** A built proxy on some runtime under attack, with all that stands around it. */
export interface Target {
  readonly url: string
  readonly provider: ExchangeProvider
  readonly documents: DocumentServer
  /** The key of the configured client `signing`. */
  readonly key: Key
}

/** What a check of one threat does; it rejects where the defence fails. */
export type Attack = (target: Target) => Promise<void>
/** Named by the number of the threat and what must hold. */
export type Attacks = Readonly<Record<string, Attack>>

export const REDIRECT = 'http://127.0.0.1:5555/callback'

/**
 * One of the proxies, over HTTP.
 *
 * @param more Headers of every request to it.
 */
export function systemOf(
  { url }: Pick<Target, 'url'>,
  instance: Instance = 'main',
  more: Readonly<Record<string, string>> = {},
): System {
  const named = (init: RequestInit = {}): RequestInit => {
    const headers = new Headers(init.headers)
    headers.set('x-test-instance', instance)
    for (const [name, value] of Object.entries(more)) headers.set(name, value)
    return { redirect: 'manual', ...init, headers }
  }
  const call: System['call'] = (path, init) => fetch(path.startsWith('/') ? url + path : path, named(init))
  const reach = async (request: Request) => {
    const { method, headers } = request
    const body = method === 'GET' ? null : await request.arrayBuffer()
    const init: RequestInit = { method, headers, body, redirect: 'manual' }
    return fetch(request.url, request.url.startsWith(url) ? named(init) : init)
  }
  const reachable: Pick<System, 'url' | 'mcp' | 'call' | 'post' | 'browser'> = {
    url,
    mcp: `${url}/mcp`,
    call,
    post: (path, params, headers) =>
      call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
    browser: () => new Browser({ fetch: reach }),
  }
  return reachable as System
}

/** The consent page of a client, in a browser. */
export async function openConsent(
  system: System,
  client: TestClient,
  params: Record<string, string | undefined> = {},
  browser: Browser = system.browser(),
): Promise<{ browser: Browser; page: Shown }> {
  return { browser, page: asPage(await browser.open(authorizeUrl(system, client, params))) }
}

/** Whether a bearer token opens the server behind. */
export async function opens(system: System, token: string, path = '/mcp/headers'): Promise<boolean> {
  const response = await system.call(path, { headers: { authorization: `Bearer ${token}` } })
  await response.body?.cancel()
  assert.ok(response.status === 200 || response.status === 401, `${path} answered ${response.status}`)
  return response.status === 200
}

/** A page for the person in front of it: nobody is sent anywhere. */
export async function expectPage(response: Response, ...statuses: number[]): Promise<string> {
  assert.equal(response.headers.get('location'), null)
  assert.ok(statuses.includes(response.status), `status ${response.status}, not ${statuses}`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
  return response.text()
}

export async function readTokens(response: Response): Promise<Tokens> {
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

/** All that is stored, by key. */
export async function stored({ url }: Target): Promise<Record<string, Record<string, unknown>>> {
  return onStore(url, { op: 'dump' }) as Promise<Record<string, Record<string, unknown>>>
}

export const store = ({ url }: Target, key: string, value: unknown): Promise<unknown> =>
  onStore(url, { op: 'set', key, value })

async function onStore(url: string, body: object): Promise<unknown> {
  const headers = { 'x-test-instance': 'store' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  return text === '' ? undefined : JSON.parse(text)
}

export async function events({ url }: Target): Promise<ProxyEvent[]> {
  const response = await fetch(url, { headers: { 'x-test-instance': 'events' } })
  return (await response.json()) as ProxyEvent[]
}

/** How often the provider was asked for tokens. */
export const exchanges = ({ provider }: Target): number =>
  provider.requests.filter((line) => line === 'POST /token').length
