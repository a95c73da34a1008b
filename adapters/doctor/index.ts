import type { Fetch, ProxyOptions, Store } from '../../src/index.ts'
import { isLoopbackUrl as isLoopback, parseUrl } from '../../src/internal.ts'
import { authorizationEndpoint } from './checks/authorization-endpoint.ts'
import { caching } from './checks/caching.ts'
import { capabilities } from './checks/capabilities.ts'
import { challenge } from './checks/challenge.ts'
import { clock } from './checks/clock.ts'
import { cors } from './checks/cors.ts'
import { documents } from './checks/documents.ts'
import { origin } from './checks/origin.ts'
import { pkce } from './checks/pkce.ts'
import { prefix } from './checks/prefix.ts'
import { registration } from './checks/registration.ts'
import { resourceMetadata } from './checks/resource-metadata.ts'
import { scopes } from './checks/scopes.ts'
import { serverMetadata } from './checks/server-metadata.ts'
import { stream } from './checks/stream.ts'
import { tokenEndpoint } from './checks/token-endpoint.ts'
import { transport } from './checks/transport.ts'
import { wellKnown } from './checks/well-known.ts'
import { examineDeployment } from './deployment/deployment.ts'
import { discover } from './discovery.ts'
import { type Finding, fail, show } from './finding.ts'
import { createProbe } from './probe.ts'
import { createReach } from './reach.ts'
import { deleteRegistrations, tryRegistrations } from './registrations.ts'
import { type Verdict, verdicts } from './verdicts.ts'
import { type Check, endpointOf, type World } from './world.ts'

export type { Finding, Status } from './finding.ts'
export type { Verdict } from './verdicts.ts'

/** Options of {@link examine}. */
export interface ExamineOptions {
  /** Sends every request. Default: the runtime's `fetch`. */
  fetch?: Fetch | undefined
  /** Milliseconds for one request. Default: 10,000. */
  timeout?: number | undefined
  /** The `User-Agent` of every request. Default: `lockgate-doctor`. */
  agent?: string | undefined
  /** An access token of the server. With it the doctor also checks streams and the Origin rule. */
  token?: string | undefined
  /**
   * The options of the Lockgate behind the address. With them the doctor also checks the secret, the storage and the
   * provider. It signs in up to the provider's login page, in memory.
   */
  deployment?: ProxyOptions | undefined
  /**
   * Also requests private addresses that the documents of a public server name. Off by default, because such a document
   * could make this machine send requests into its own network.
   */
  allowPrivateAddresses?: boolean | undefined
  /** A second connection to the storage of `deployment`. Two writers then race as two processes would. */
  secondStore?: Store | undefined
}

/** The result of {@link diagnose}. */
export interface Diagnosis {
  readonly url: string
  readonly findings: readonly Finding[]
  /** Which well-known MCP clients work with the server. */
  readonly clients: readonly Verdict[]
  /** The number of requests that were sent. */
  readonly requests: number
  /** The probe clients that were registered, and how many of them could be deleted again. */
  readonly registered: { readonly made: number; readonly deleted: number }
}

/** In the order in which a client meets them. */
const CHECKS: readonly Check[] = [
  ...[prefix, challenge, transport, resourceMetadata, serverMetadata, wellKnown, pkce, capabilities],
  ...[
    scopes,
    documents,
    registration,
    tokenEndpoint,
    authorizationEndpoint,
    cors,
    clock,
    caching,
    origin,
    stream,
  ],
]

/**
 * Examines an MCP server and its authorization as clients see it. Sends fewer than 100 requests, one after the other,
 * and registers up to five probe clients, which it deletes again if the server offers that.
 *
 * @param url The address that MCP clients use, such as `https://mcp.example.com/mcp`.
 * @returns The findings in the order in which a client meets them. `fail` means that some client does not work.
 * @throws {TypeError} If `url` is not an http(s) URL.
 * @example
 * const problems = (await examine('https://mcp.example.com/mcp')).filter(({ status }) => status === 'fail')
 */
export const examine = async (url: string, options: ExamineOptions = {}): Promise<Finding[]> => [
  ...(await diagnose(url, options)).findings,
]

/**
 * Does what {@link examine} does, and also says which clients work with the server.
 *
 * @throws {TypeError} If `url` is not an http(s) URL.
 */
export async function diagnose(url: string, options: ExamineOptions = {}): Promise<Diagnosis> {
  if (!/^https?:\/\//i.test(url) || !parseUrl(url)) throw new TypeError('url: expected an http(s) URL')
  const { timeout = 10_000, agent = 'lockgate-doctor', token, deployment, secondStore } = options
  const fetch: Fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const mayReach = options.allowPrivateAddresses ? undefined : createReach(url)
  const probe = createProbe({ fetch, timeout, agent, ...(mayReach && { mayReach }) })
  const discovery = await discover(probe, url)
  const reached = discovery.bare.error === undefined
  const endpoint = endpointOf(discovery, 'registration_endpoint')
  const registrations = endpoint === undefined ? undefined : await tryRegistrations(probe, endpoint)
  const world: World = { ...discovery, probe, timeout, token, registrations }
  const findings: Finding[] = []
  // One after the other, so that the server is not under load.
  for (const check of reached ? CHECKS : [challenge]) findings.push(...(await check(world)))
  if (deployment) {
    findings.push(...(await examineDeployment(deployment, { url, probe, fetch, timeout, secondStore })))
  }
  const [blocked] = probe.blocked()
  if (blocked !== undefined) findings.push(privateFinding(blocked))
  const registered = registrations ? await deleteRegistrations(probe, registrations) : { made: 0, deleted: 0 }
  const clients = verdicts(findings, { loopback: isLoopback(url) })
  return { url, findings, clients, requests: probe.count(), registered }
}

const privateFinding = (url: string): Finding =>
  fail('urls.private', 'A public server names public addresses', {
    seen: `${show(url)} is a private address, and was not requested`,
    expected: 'an address that clients can reach',
    fix: 'Tell the server its public address (in Lockgate: `url`). To request it anyway: --allow-private-addresses.',
  })
