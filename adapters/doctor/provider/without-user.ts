import * as oauth from 'oauth4webapi'
import type { Fetch, Provider } from '../../../src/index.ts'
import { clientAuth, createUpstream } from '../../../src/internal.ts'
import { memory } from '../../storage/memory.ts'
import { type Trial, trySignIn } from '../deployment/trial.ts'
import { credentialsFinding, upstreamFindings } from '../deployment/upstream.ts'
import { type Finding, fail, isFromThere, ok, show, skip, warn } from '../finding.ts'
import type { Probe } from '../probe.ts'
import { metadataFindings } from './metadata.ts'
import { createRecorder, type Recorder, refusalOf, type Sent } from './recorder.ts'

/** A token that no provider ever issued. */
const MADE_UP = 'lockgate-doctor-made-up'

/** The dependencies of an examination of one provider. */
export interface ProviderPorts {
  readonly fetch: Fetch
  readonly probe: Probe
  /** The callback that is registered at the provider. It ends with `/callback`. */
  readonly callback: string
}

/**
 * Tries everything that can be tried at a provider with the operator's credentials and without a user. It sends made-up
 * codes and tokens, and creates nothing.
 */
export async function findWithoutUser(provider: Provider, ports: ProviderPorts): Promise<Finding[]> {
  const recorder = createRecorder(ports.fetch)
  const trial = await tryWith(provider, recorder, ports.callback)
  const document = documentOf(recorder)
  return [
    ...(await upstreamFindings(provider, trial, ports.probe)),
    await secretFinding(provider, trial, ports),
    ...metadataFindings(provider, document),
    await refreshFinding(provider, recorder, ports.callback),
    ...(await pushedFindings(provider, trial, document, recorder)),
    await revocationFinding(provider, recorder, ports.callback),
    clockFinding(recorder.sent),
  ]
}

/** Goes through a sign-in up to a made-up code. */
function tryWith(provider: Provider, { fetch }: Pick<Recorder, 'fetch'>, callback: string): Promise<Trial> {
  const url = callback.replace(/\/callback(\/[\w-]+)?$/, '')
  const mcp = 'http://127.0.0.1/mcp'
  const secret = crypto.randomUUID() + crypto.randomUUID()
  return trySignIn({ url, mcp, secret, upstream: provider, storage: memory() }, fetch, undefined, undefined)
}

const documentOf = ({ sent }: Pick<Recorder, 'sent'>): Sent['json'] =>
  sent.find(({ json }) => json?.authorization_endpoint !== undefined)?.json

const upstreamOf = (provider: Provider, { fetch }: Pick<Recorder, 'fetch'>, redirectUri: string) =>
  createUpstream(provider, { fetch, now: () => Math.floor(Date.now() / 1000), redirectUri })

/** With a wrong secret the refusal must be another one. Otherwise the right secret has proved nothing. */
async function secretFinding(provider: Provider, right: Trial, ports: ProviderPorts): Promise<Finding> {
  const [id, title] = ['provider.client-auth.checked', 'A wrong client secret is refused as such']
  if (provider.clientSecret === undefined || provider.authenticate)
    return skip(id, title, 'the client is public, or the definition proves it in its own way')
  if (credentialsFinding(provider, right).status !== 'ok')
    return skip(id, title, 'the right one did not work')
  const wrong = { ...provider, clientSecret: `${MADE_UP}-${crypto.randomUUID()}` }
  const finding = credentialsFinding(
    provider,
    await tryWith(wrong, createRecorder(ports.fetch), ports.callback),
  )
  if (finding.unreached) return skip(id, title, finding.seen ?? 'no response')
  if (finding.status === 'fail') return ok(id, title)
  return skip(id, title, 'the provider looks at the code first, so a made-up code does not prove the secret')
}

/** The refusal of an unknown refresh token must be final by the rules of the definition. */
async function refreshFinding(provider: Provider, recorder: Recorder, callback: string): Promise<Finding> {
  const [id, title] = ['provider.refresh-errors', 'The refusal of an unknown refresh token is final']
  const before = recorder.sent.length
  const upstream = upstreamOf(provider, recorder, callback)
  const reason = await upstream.refresh({ accessToken: MADE_UP, refreshToken: MADE_UP }).then(
    () => 'accepted',
    (error: unknown) => (error as { code?: string; reason?: string }).code ?? 'unknown',
  )
  const refusal = recorder.since(before).findLast(({ method }) => method === 'POST')
  const seen = refusalOf(refusal)
  if (refusal === undefined || !isFromThere(refusal.status)) return skip(id, title, seen)
  if (reason === 'invalid_grant') return ok(id, title, seen)
  if (reason === 'accepted')
    return fail(id, title, {
      seen: `${refusal.status} for a made-up token`,
      expected: 'a refusal',
      fix: 'Report it: the provider accepted a refresh token that it never issued.',
    })
  if (provider.rotation === 'never' && provider.refreshErrors.length === 0)
    return skip(id, title, `${seen}; the definition says nothing about refused refreshes`)
  return warn(id, title, {
    seen,
    expected: 'a refusal that refreshErrors call final',
    fix: 'If that is how the provider says that a sign-in has ended, add a rule to refreshErrors, and report it.',
  })
}

async function pushedFindings(
  provider: Provider,
  { authorizationUrl }: Trial,
  document: Sent['json'],
  recorder: Recorder,
): Promise<Finding[]> {
  const [id, title] = ['provider.par', 'The provider accepts pushed authorization requests']
  const endpoint = document?.pushed_authorization_request_endpoint
  if (typeof endpoint !== 'string' || authorizationUrl === undefined) return []
  const server = { ...document, issuer: provider.issuer } as oauth.AuthorizationServer
  const client = { client_id: provider.clientId }
  const now = () => Math.floor(Date.now() / 1000)
  const params = new URL(authorizationUrl).searchParams
  try {
    await oauth.pushedAuthorizationRequest(
      server,
      client,
      clientAuth(provider, server, 'token', now),
      params,
      {
        [oauth.customFetch]: (url, init) => recorder.fetch(url, init as RequestInit),
        [oauth.allowInsecureRequests]: endpoint.startsWith('http://'),
      },
    )
  } catch {
    return [skip(id, title, 'no response')]
  }
  const answer = recorder.sent.at(-1)
  if (answer?.status === 201 || answer?.status === 200) return [ok(id, title)]
  return [skip(id, title, `not for this client: ${refusalOf(answer)}`)]
}

async function revocationFinding(provider: Provider, recorder: Recorder, callback: string): Promise<Finding> {
  const [id, title] = ['provider.revocation', 'The revocation endpoint takes requests of this client']
  const before = recorder.sent.length
  const failed = await upstreamOf(provider, recorder, callback)
    .revoke({ accessToken: MADE_UP, refreshToken: MADE_UP })
    .then(
      () => false,
      () => true,
    )
  const request = recorder.since(before).findLast(({ method }) => method !== 'GET')
  if (request === undefined) return skip(id, title, 'the definition sends none for a made-up token')
  if (!isFromThere(request.status)) return skip(id, title, refusalOf(request))
  if (!failed) return ok(id, title, `${request.status} for a made-up token`)
  return warn(id, title, {
    seen: refusalOf(request),
    expected: 'success, or a code that says that the token has ended',
    fix: 'Look at client authentication at this endpoint (overrides: { endpointAuth, revocation }), and report it.',
  })
}

/** Seconds of difference at which ID tokens and client assertions begin to fail, and at which most do. */
const [NOTICEABLE, WRONG] = [30, 300]

function clockFinding(sent: readonly Sent[]): Finding {
  const [id, title] = ['provider.clock', 'The clocks of the provider and of this machine agree']
  const one = sent.find(
    ({ date, status }) => isFromThere(status) && date !== undefined && !Number.isNaN(Date.parse(date)),
  )
  if (one === undefined) return skip(id, title, 'no response had a Date header')
  const date = Date.parse(one.date!)
  // The header has whole seconds, and may be as old as the request took.
  const ahead = (date - one.receivedAt) / 1000
  const behind = (one.sentAt - date) / 1000 - 1
  const skew = Math.round(Math.max(ahead, behind, 0))
  if (skew < NOTICEABLE) return ok(id, title)
  const problem = {
    seen: `${show(new URL(one.url).host)} is ${skew} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine`,
    expected: 'a few seconds at most',
    fix: 'Synchronise the clock of this machine (NTP).',
  }
  return skew < WRONG ? warn(id, title, problem) : fail(id, title, problem)
}
