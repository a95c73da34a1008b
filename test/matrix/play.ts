import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type OAuthTokens, OAuthTokensSchema } from '@modelcontextprotocol/sdk/shared/auth.js'
import { asPage, Browser } from '../support/browser.ts'
import { challengeOf, newVerifier } from '../support/system.ts'
import { discover, type Found } from './discover.ts'
import { approve, type Gate } from './gate.ts'
import { type Identity, introduce } from './identity.ts'
import { check, json, type Program, program } from './program.ts'
import type { Shape } from './shape.ts'

export const STEPS = [
  'discovery',
  'registration',
  'consent',
  'sign-in',
  'token',
  'tools/list',
  'refresh',
  'again',
] as const

export type Step = (typeof STEPS)[number]

/** How far a client came: what failed, if anything did. */
export interface Played {
  readonly passed: readonly Step[]
  readonly failure?: { readonly step: Step; readonly error: unknown }
}

/** Whether the client does a step at all. */
export const doesStep = (shape: Shape, step: Step): boolean =>
  step === 'refresh' ? shape.refresh !== 'never' : step !== 'again' || shape.signsInAgain === true

/** Plays a client through one proxy, over real HTTP. The steps it does not do count as passed. */
export async function play(shape: Shape, gate: Gate): Promise<Played> {
  const passed: Step[] = []
  let step: Step = 'discovery'
  const enter = (next: Step) => {
    passed.push(step)
    step = next
  }
  try {
    const call = program(shape.origin)
    const found = await discover(shape, gate, call)
    enter('registration')
    const client = await introduce(shape, found, call, gate.documents)
    enter('consent')
    const tokens = await signIn(shape, gate, found, client, call, 0, enter)
    enter('tools/list')
    await listTools(gate.mcp, tokens.access_token, shape.origin)
    enter('refresh')
    const renewed = await refresh(shape, found, client, tokens, call)
    await listTools(gate.mcp, renewed.access_token, shape.origin)
    enter('again')
    if (shape.revokes) await revoke(gate, found, client, renewed, call)
    if (shape.signsInAgain) {
      const again = await signIn(shape, gate, found, client, call, 1)
      await listTools(gate.mcp, again.access_token, shape.origin)
    }
    passed.push(step)
    return { passed }
  } catch (error) {
    return { passed, failure: { step, error } }
  }
}

async function signIn(
  shape: Shape,
  gate: Gate,
  found: Found,
  client: Identity,
  call: Program,
  time: number,
  enter: (step: Step) => void = () => {},
): Promise<OAuthTokens> {
  const redirectUri = shape.redirectUris[time] ?? shape.redirectUris[0]
  const verifier = newVerifier()
  const state = `${'+/='.repeat(4)} ${crypto.randomUUID()}`
  const resource = shape.resource?.(found.resource ?? gate.mcp)
  const url = new URL(found.server.authorization_endpoint)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: redirectUri,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    state,
    ...(shape.scope !== undefined && { scope: shape.scope }),
    ...(resource !== undefined && { resource }),
    ...shape.extra,
  }).toString()

  const browser = new Browser()
  const consent = asPage(await browser.open(url.href))
  check(consent.status === 200, `the consent page is 200, not ${consent.status}: ${consent.text}`)
  check(consent.text.includes(client.name ?? ''), 'the consent page names the client')
  enter('sign-in')
  const answer = await approve(browser, consent, redirectUri)
  const back = answer.searchParams
  check(back.get('state') === state, 'the state comes back as it was')
  check(back.get('iss') === found.server.issuer, 'iss is the issuer')
  const code = check(back.get('code'), `there is a code in ${answer.href}`)
  enter('token')

  const body = {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    ...(!shape.leavesOutRedirectUri && { redirect_uri: redirectUri }),
    ...(resource !== undefined && { resource }),
  }
  const times = shape.redeemsTwice ? 2 : 1
  const answers = await Promise.all(
    Array.from({ length: times }, () => post(found.server.token_endpoint, client, body, call)),
  )
  const good = answers.filter(({ status }) => status === 200)
  check(good.length === 1, `one token answer is good, not ${good.length}: ${answers.map((a) => a.status)}`)
  const tokens = await readTokens(good[0]!)
  check(tokens.scope?.split(' ').includes('mcp'), 'the token names the scope it has')
  check((tokens.expires_in ?? 0) >= 3600, 'a token lasts an hour')
  return tokens
}

async function refresh(
  shape: Shape,
  found: Found,
  client: Identity,
  tokens: OAuthTokens,
  call: Program,
): Promise<OAuthTokens> {
  if (shape.refresh === 'never') return tokens
  const resource = shape.resource?.(found.resource ?? '')
  const renew = async (token: string | undefined) => {
    const body = {
      grant_type: 'refresh_token',
      refresh_token: check(token, 'there is a refresh token'),
      ...(resource && { resource }),
    }
    const answer = await post(found.server.token_endpoint, client, body, call)
    check(answer.status === 200, `refreshing answers 200, not ${answer.status}`)
    return readTokens(answer)
  }
  const times = shape.refresh === 'once' ? 1 : 2
  const renewals =
    shape.refresh === 'two at once'
      ? await Promise.all([renew(tokens.refresh_token), renew(tokens.refresh_token)])
      : [await renew(tokens.refresh_token), ...(times > 1 ? [await renew(tokens.refresh_token)] : [])]
  check(renewals[0]!.refresh_token !== tokens.refresh_token, 'the refresh token is rotated')
  check(renewals[0]!.refresh_token === renewals.at(-1)!.refresh_token, 'everybody got the same successor')
  return renew(renewals.at(-1)!.refresh_token)
}

async function revoke(
  gate: Gate,
  found: Found,
  client: Identity,
  tokens: OAuthTokens,
  call: Program,
): Promise<void> {
  const endpoint = check(found.server.revocation_endpoint, 'the metadata names a revocation_endpoint')
  for (const [hint, token] of Object.entries(tokens).filter(([name]) => name.endsWith('_token'))) {
    const answer = await post(endpoint, client, { token: String(token), token_type_hint: hint }, call)
    check(answer.status === 200, `revoking answers 200, not ${answer.status}`)
  }
  const refused = await fetch(gate.mcp, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  check(refused.status === 401, 'what is revoked is refused')
}

async function post(
  endpoint: string,
  client: Identity,
  params: Record<string, string>,
  call: Program,
): Promise<Response> {
  const body = new URLSearchParams(params)
  const headers = new Headers()
  await client.prove(body, headers)
  return call(endpoint, { method: 'POST', body, headers })
}

async function readTokens(answer: Response): Promise<OAuthTokens> {
  check(answer.headers.get('cache-control')?.includes('no-store'), 'no cache keeps the tokens')
  return OAuthTokensSchema.parse(await json(answer))
}

async function listTools(mcp: string, token: string, origin: string | undefined): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, ...(origin !== undefined && { origin }) }
  const client = new Client({ name: 'matrix', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(mcp), { requestInit: { headers } }))
  const { tools } = await client.listTools()
  await client.close()
  check(tools.length > 5, `the tools are listed: ${tools.length}`)
}
