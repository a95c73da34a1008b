import type { Identity, Provider, UpstreamTokens } from '../../../src/index.ts'
import { createUpstream, type Upstream } from '../../../src/internal.ts'
import { type Finding, fail, isFromThere, ok, show, skip, unreached, warn } from '../finding.ts'
import { createRecorder, type Recorder, refusalOf, type Sent } from './recorder.ts'

/** What a sign-in needs of the operator. */
export interface SignInPorts {
  readonly fetch: Parameters<typeof createRecorder>[0]
  /** The callback that is registered at the provider. */
  readonly callback: string
  /** Shows the address to open, and waits for the parameters of the authorization response. */
  answer(authorizationUrl: string): Promise<URLSearchParams>
  /** Asks whether to use a refresh token for a second time, which ends the sign-in at many providers. */
  mayReuse(): Promise<boolean>
}

/** The findings, and every text of the sign-in that no report may contain. */
export interface SignedIn {
  readonly findings: readonly Finding[]
  readonly secrets: readonly string[]
}

const seconds = () => Math.floor(Date.now() / 1000)
const randomText = () => crypto.randomUUID().replaceAll('-', '') + crypto.randomUUID().replaceAll('-', '')

/** Signs in once, refreshes, refreshes with the old token if that is allowed, and revokes. */
export async function findBySignIn(provider: Provider, ports: SignInPorts): Promise<SignedIn> {
  const recorder = createRecorder(ports.fetch)
  const upstream = createUpstream(provider, {
    fetch: recorder.fetch,
    now: seconds,
    redirectUri: ports.callback,
    needs: { memberships: provider.memberships !== undefined, groups: provider.groups !== undefined },
  })
  const secrets: string[] = []
  const keep = (...texts: readonly (string | undefined)[]) =>
    secrets.push(...texts.filter((text): text is string => text !== undefined))
  const flow = { state: randomText(), verifier: randomText(), nonce: randomText() }
  keep(...Object.values(flow))
  const [id, title] = ['sign-in.exchange', 'A user can sign in']
  let signedIn: { identity: Identity; tokens: UpstreamTokens }
  try {
    const params = await ports.answer(await upstream.authorizationUrl(flow))
    keep(...params.values())
    signedIn = await upstream.exchange(params, flow)
  } catch (error) {
    const { reason, detail } = error as { reason?: string; detail?: string }
    const seen = [reason ?? 'an error', detail].filter(Boolean).join(': ')
    return {
      secrets,
      findings: [
        fail(id, title, {
          seen: show(seen),
          expected: 'a code that becomes tokens, and a user',
          fix: 'Look up the reason with `lockgate explain`, and compare the settings of the application.',
        }),
      ],
    }
  }
  const { identity, tokens } = signedIn
  keep(...textsOf(identity), tokens.accessToken, tokens.refreshToken, ...Object.values(tokens.callback ?? {}))
  const findings: Finding[] = [
    ok(id, title),
    tokenFinding(tokens, recorder),
    scopeFinding(provider, upstream, tokens),
    identityFinding(provider, identity),
    ...membershipFindings(provider, identity),
  ]
  const renewed = await refreshed(provider, upstream, tokens, recorder)
  findings.push(...renewed.findings)
  keep(renewed.tokens.accessToken, renewed.tokens.refreshToken)
  const reused = await reuse({ upstream, recorder, old: tokens, current: renewed.tokens, ports })
  findings.push(...reused.findings)
  keep(reused.tokens.accessToken, reused.tokens.refreshToken)
  findings.push(await revoked(upstream, reused.tokens, recorder))
  return { findings, secrets }
}

/** A finding about a request to which nothing came from the provider shows nothing about it. */
const judged = (finding: Finding, request: Sent | undefined): Finding =>
  request && !isFromThere(request.status) ? unreached(finding) : finding

/** Returns every text in a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

function tokenFinding(tokens: UpstreamTokens, { sent }: Recorder): Finding {
  const [id, title] = ['sign-in.tokens', 'The token response has what a grant needs']
  const answer = sent.findLast(({ json }) => json !== undefined && 'access_token' in json)?.json ?? {}
  const life = tokens.expiresAt === undefined ? 'no expiry' : `${tokens.expiresAt - seconds()} s`
  const refresh = tokens.refreshToken === undefined ? 'no refresh token' : 'a refresh token'
  return ok(
    id,
    title,
    `${life}, ${refresh}; members: ${show(Object.keys(answer).sort().join(' ') || 'nested')}`,
  )
}

function scopeFinding(provider: Provider, upstream: Upstream, tokens: UpstreamTokens): Finding {
  const [id, title] = ['sign-in.scopes', 'The provider granted the scopes that were requested']
  const missing = provider.scopes.filter((scope) => !upstream.grants(tokens, scope))
  if (tokens.scope === undefined) return skip(id, title, 'the response does not say')
  return missing.length === 0
    ? ok(id, title)
    : skip(id, title, `not named in the response: ${show(missing.join(' '))}`)
}

function identityFinding(provider: Provider, identity: Identity): Finding {
  const [id, title] = ['sign-in.identity', 'The user is told as the definition says']
  const { email, emailVerified, name, tenant } = identity
  const seen = [
    'a subject',
    ...(tenant === undefined ? [] : ['a tenant']),
    email === undefined ? 'no address' : `an address, ${emailVerified ? '' : 'not '}called verified`,
    name === undefined ? 'no name' : 'a name',
    `claims: ${Object.keys(identity.claims).sort().join(' ') || 'none'}`,
  ].join(', ')
  const promises = provider.verifiesEmail === true && email !== undefined && !emailVerified
  return promises
    ? skip(id, title, `${show(seen)}; other users may have a verified one`)
    : ok(id, title, show(seen))
}

function membershipFindings(provider: Provider, { claims }: Identity): Finding[] {
  const count = (name: string) => (Array.isArray(claims[name]) ? claims[name].length : 0)
  return [
    ...(provider.memberships || provider.identity.orgs
      ? [skip('sign-in.organizations', 'Organizations', `${count('organizations')} of this user`)]
      : []),
    ...(provider.groups || provider.identity.groups
      ? [skip('sign-in.groups', 'Groups', `${count('groups')} of this user`)]
      : []),
  ]
}

async function refreshed(
  provider: Provider,
  upstream: Upstream,
  tokens: UpstreamTokens,
  recorder: Recorder,
): Promise<{ findings: Finding[]; tokens: UpstreamTokens }> {
  const [id, title] = ['sign-in.refresh', 'The refresh token gives new tokens']
  if (tokens.refreshToken === undefined)
    return {
      tokens,
      findings: [skip(id, title, 'there is no refresh token: the sign-in ends with its token')],
    }
  let next: UpstreamTokens
  try {
    next = (await upstream.refresh(tokens)).tokens
  } catch {
    const last = recorder.sent.at(-1)
    const problem = {
      seen: refusalOf(last),
      expected: 'new tokens',
      fix: 'Allow the grant type refresh_token for the application at the provider.',
    }
    return { tokens, findings: [judged(fail(id, title, problem), last)] }
  }
  const changed = next.refreshToken !== tokens.refreshToken
  const rotates = ['sign-in.rotation', 'The refresh token changes as the definition says'] as const
  const seen = changed ? 'it changed' : 'it stayed'
  const agrees = provider.rotation === 'maybe' || (provider.rotation === 'always') === changed
  const rotation = agrees
    ? ok(...rotates, `${seen}; the definition says ${provider.rotation}`)
    : warn(...rotates, {
        seen,
        expected: `${provider.rotation}, by the definition`,
        fix: `Set overrides: { rotation: '${changed ? 'always' : 'maybe'}' }, and report it.`,
      })
  return { tokens: next, findings: [ok(id, title), rotation, ...(await oldAccess(upstream, tokens))] }
}

/** The previous access token after a refresh. */
async function oldAccess(upstream: Upstream, old: UpstreamTokens): Promise<Finding[]> {
  const [id, title] = ['sign-in.old-access-token', 'The previous access token is as the definition says']
  if (!upstream.identify) return []
  const works = await upstream.identify(old.accessToken).then(
    () => true,
    () => false,
  )
  if (works !== upstream.refreshKillsAccess) return [ok(id, title, works ? 'it still works' : 'it has ended')]
  return [
    warn(id, title, {
      seen: works ? 'it still works' : 'it has ended',
      expected: works ? 'it has ended' : 'it still works',
      fix: `Set overrides: { refreshKillsAccess: ${!works} }, and report it.`,
    }),
  ]
}

/** Uses the old refresh token once more, and then the current one. */
async function reuse(about: {
  upstream: Upstream
  recorder: Recorder
  old: UpstreamTokens
  current: UpstreamTokens
  ports: SignInPorts
}): Promise<{ findings: Finding[]; tokens: UpstreamTokens }> {
  const { upstream, recorder, old, current, ports } = about
  const [id, title] = ['sign-in.reuse', 'A second use of a refresh token']
  const isSame = old.refreshToken === undefined || old.refreshToken === current.refreshToken
  if (isSame) return { tokens: current, findings: [skip(id, title, 'the refresh token did not change')] }
  if (!(await ports.mayReuse())) return { tokens: current, findings: [skip(id, title, 'not tried')] }
  const again = await upstream.refresh(old).then(
    ({ tokens }) => tokens,
    () => undefined,
  )
  const refusal = refusalOf(recorder.sent.at(-1))
  if (again) return { tokens: again, findings: [ok(id, title, 'it was accepted once more')] }
  const after = await upstream.refresh(current).then(
    ({ tokens }) => tokens,
    () => undefined,
  )
  const rest = after ? 'the current one still works' : 'it ended the current one too'
  return { tokens: after ?? current, findings: [ok(id, title, `refused with ${refusal}; ${rest}`)] }
}

async function revoked(upstream: Upstream, tokens: UpstreamTokens, recorder: Recorder): Promise<Finding> {
  const [id, title] = ['sign-in.revocation', 'Revocation ends the tokens']
  const before = recorder.sent.length
  const failed = await upstream.revoke(tokens).then(
    () => false,
    () => true,
  )
  const request = recorder.since(before).findLast(({ method }) => method !== 'GET')
  if (request === undefined) return skip(id, title, 'the definition offers none')
  const problem = {
    expected: 'tokens that no longer work',
    fix: 'Look at overrides: { revocation }, and report it.',
  }
  if (failed) return judged(fail(id, title, { seen: refusalOf(request), ...problem }), request)
  if (tokens.refreshToken === undefined) return ok(id, title, `${request.status}`)
  const lives = await upstream.refresh(tokens).then(
    () => true,
    () => false,
  )
  return lives
    ? fail(id, title, { seen: `${request.status}, but the refresh token still works`, ...problem })
    : ok(id, title, `${request.status}; the refresh token is refused with ${refusalOf(recorder.sent.at(-1))}`)
}
