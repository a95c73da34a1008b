import { createHash } from 'node:crypto'
import { type Cluster, ConnectionLost, ISSUER, REDIRECT } from './cluster.ts'
import { type Ledger, readRefreshToken, type Session, type TokenResponse } from './ledger.ts'
import type { ModelProvider } from './model-provider.ts'
import { personOf, type Tenant, tenantHeader } from './tenants.ts'
import type { World } from './world.ts'

/** What an actor works with. */
export interface Stage {
  readonly world: World
  readonly cluster: Cluster
  readonly provider: ModelProvider
  readonly ledger: Ledger
  readonly sessions: Session[]
  /** Every token response that a thief may have read. */
  readonly seen: { readonly session: Session; readonly tokens: TokenResponse }[]
  /** Counts an outcome, for the report of what was covered. */
  cover(what: string): void
}

const VERIFIER = 'v'.repeat(43)
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

/** The cookies of one browser. */
class Jar {
  readonly #cookies = new Map<string, string>()
  read(response: Response): void {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (/max-age=0/i.test(cookie)) this.#cookies.delete(name!)
      else this.#cookies.set(name!, value!)
    }
  }
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}

/** A request that is repeated until some response arrives. */
async function insist(stage: Stage, make: () => Request, label: string): Promise<Response> {
  for (let attempt = 0; attempt < 8; attempt++) {
    try {
      const response = await stage.cluster.send(make(), label)
      if (response.status < 500 && response.status !== 429) return response
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
    }
    await stage.world.sleep(1000 * (attempt + 1))
  }
  throw new GaveUp(label)
}

/** The actor got no usable response for a long time. */
export class GaveUp extends Error {}

const form =
  (path: string, params: Record<string, string>, headers: Record<string, string> = {}) =>
  () =>
    new Request(ISSUER + path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(params).toString(),
    })

function fieldsOf(html: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [input] of html.matchAll(/<input\b[^>]*>/g)) {
    const of = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1]
    const kept = of('type') === 'hidden' || (of('type') === 'checkbox' && /\bchecked\b/.test(input))
    if (kept && of('name')) fields[of('name')!] = of('value') ?? 'on'
  }
  return fields
}

/** The tenant that a response of the provider goes to, and the address that the browser comes back to. */
export interface Return {
  readonly tenant: Tenant | undefined
  readonly url: string
}

/**
 * A whole sign-in in a browser.
 *
 * @param back Changes the way of the provider's response.
 * @returns The tokens, or `undefined` if the sign-in failed.
 */
export async function signIn(
  stage: Stage,
  session: Session,
  back: (way: Return) => Return = (way) => way,
): Promise<TokenResponse | undefined> {
  const jar = new Jar()
  const { tenant } = session
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'app',
    redirect_uri: REDIRECT,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'state',
  })
  const headers = (at = tenant) => ({ cookie: jar.header, ...tenantHeader(at) })
  const visit =
    (url: string, at = tenant) =>
    () =>
      new Request(url, { headers: headers(at) })
  const consent = await insist(stage, visit(`${ISSUER}/authorize?${query}`), 'authorize')
  jar.read(consent)
  const fields = { ...fieldsOf(await consent.text()), decision: 'allow' }
  const approved = await insist(
    stage,
    () => form('/consent', fields, { ...headers(), origin: ISSUER })(),
    'consent',
  )
  jar.read(approved)
  const location = approved.headers.get('location')
  if (!location?.startsWith('https://idp.test/')) return undefined
  const way = back({ tenant, url: stage.provider.approve(location, session.user) })
  session.family = stage.provider.families.length
  // A browser that lost the response asks again: the product must cope with that, too.
  let onward: string | null = null
  try {
    const answered = await stage.cluster.send(visit(way.url, way.tenant)(), 'callback')
    onward = answered.headers.get('location')
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
  }
  const code = onward?.startsWith(REDIRECT) ? new URL(onward).searchParams.get('code') : null
  if (!code) return undefined
  session.grant = code.split('.').slice(0, 2).join('.')
  session.code = code
  return redeem(stage, session, code)
}

const aboutOf = ({ cluster }: Stage, response: Response, sentAt: number) => ({
  sentAt,
  skews: cluster.servedBy(response)!.skewsSince(sentAt),
})

export async function redeem(
  stage: Stage,
  { tenant }: Pick<Session, 'tenant'>,
  code: string,
): Promise<TokenResponse | undefined> {
  const params = {
    grant_type: 'authorization_code',
    client_id: 'app',
    code,
    code_verifier: VERIFIER,
    redirect_uri: REDIRECT,
  }
  const sentAt = stage.world.now()
  const impatient = stage.world.choices.chance(20)
  const send = form('/token', params, tenantHeader(tenant))
  const tries = impatient
    ? [stage.cluster.send(send(), 'redeem'), stage.cluster.send(send(), 'redeem')]
    : [stage.cluster.send(send(), 'redeem')]
  const results = await Promise.allSettled(tries)
  let tokens: TokenResponse | undefined
  for (const result of results) {
    if (result.status === 'rejected') continue
    stage.cover(`redeem ${result.value.status}`)
    if (result.value.status !== 200) continue
    tokens = (await result.value.json()) as TokenResponse
    stage.ledger.exchanged({ code }, tokens, aboutOf(stage, result.value, sentAt))
  }
  return tokens
}

/** One refresh. @returns New tokens; `'refused'`; or `'unknown'` if no response came. */
export async function refresh(
  stage: Stage,
  { tenant }: Pick<Session, 'tenant'>,
  refreshToken: string,
  label: string,
): Promise<TokenResponse | 'refused' | 'unknown'> {
  const sentAt = stage.world.now()
  const params = { grant_type: 'refresh_token', client_id: 'app', refresh_token: refreshToken }
  try {
    const response = await stage.cluster.send(form('/token', params, tenantHeader(tenant))(), label)
    stage.cover(`${label} ${response.status}`)
    if (response.status === 200) {
      const tokens = (await response.json()) as TokenResponse
      const { generation } = readRefreshToken(tokens.refresh_token)
      stage.cover(
        generation === readRefreshToken(refreshToken).generation + 1 ? 'successor' : 'other successor',
      )
      stage.ledger.exchanged({ refreshToken }, tokens, aboutOf(stage, response, sentAt))
      return tokens
    }
    return response.status === 400 || response.status === 401 ? 'refused' : 'unknown'
  } catch (error) {
    if (error instanceof ConnectionLost) return 'unknown'
    throw error
  }
}

/** One call of the MCP server. @returns Its status, or `undefined` if no response came. */
export async function call(stage: Stage, session: Session, accessToken: string): Promise<number | undefined> {
  const sentAt = stage.world.now()
  const request = new Request(`${ISSUER}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      ...tenantHeader(session.tenant),
    },
    body: '{}',
  })
  try {
    const response = await stage.cluster.send(request, 'call')
    stage.cover(`call ${response.status}`)
    if (response.status !== 200) return response.status
    const { email, upstream } = (await response.json()) as { email?: string; upstream: string }
    const [, name = '', application] = /^(.*)@(.*)\.test$/.exec(email ?? '') ?? []
    const served = [stage.provider.personOf(upstream), personOf(name, application)]
    stage.ledger.passed(accessToken, sentAt, { expected: personOf(session.user, session.tenant), served })
    return 200
  } catch (error) {
    if (error instanceof ConnectionLost) return undefined
    throw error
  }
}

export const revoke = async (stage: Stage, session: Session, token: string): Promise<void> => {
  session.revoked = true
  stage.cover('revocation by the client')
  await stage.cluster
    .send(form('/revoke', { client_id: 'app', token }, tenantHeader(session.tenant))(), 'revoke')
    .catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) throw error
    })
}
