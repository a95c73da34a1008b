import type { Fetch } from '../../../src/index.ts'
import { isLoopback } from '../configuration/unsafe-settings.ts'
import { authorizationEndpoint } from './checks/authorization-endpoint.ts'
import { caching } from './checks/caching.ts'
import { capabilities } from './checks/capabilities.ts'
import { challenge } from './checks/challenge.ts'
import { clock } from './checks/clock.ts'
import { cors } from './checks/cors.ts'
import { documents } from './checks/documents.ts'
import { origin } from './checks/origin.ts'
import { pkce } from './checks/pkce.ts'
import { registration } from './checks/registration.ts'
import { resourceMetadata } from './checks/resource-metadata.ts'
import { scopes } from './checks/scopes.ts'
import { serverMetadata } from './checks/server-metadata.ts'
import { stream } from './checks/stream.ts'
import { tokenEndpoint } from './checks/token-endpoint.ts'
import { transport } from './checks/transport.ts'
import { wellKnown } from './checks/well-known.ts'
import { discover } from './discovery.ts'
import type { Finding } from './finding.ts'
import { examineDeployment, type SettingsSource } from './local/deployment.ts'
import { createProbe } from './probe.ts'
import { deleteRegistrations, tryRegistrations } from './registrations.ts'
import { type Verdict, verdicts } from './verdicts.ts'
import { type Check, endpointOf, type World } from './world.ts'

/** Everything the doctor has to say. */
export interface Examination {
  readonly url: string
  readonly findings: readonly Finding[]
  readonly clients: readonly Verdict[]
  readonly requests: number
  /** Probe clients it registered, and how many of them it could delete again. */
  readonly registered: { readonly made: number; readonly deleted: number }
}

/** In the order in which clients meet what they look at. */
const CHECKS: readonly Check[] = [
  ...[
    challenge,
    transport,
    resourceMetadata,
    serverMetadata,
    wellKnown,
    pkce,
    capabilities,
    scopes,
    documents,
  ],
  ...[registration, tokenEndpoint, authorizationEndpoint, cors, clock, caching, origin, stream],
]

/** @param options.timeout Milliseconds for one request. */
export async function examine(
  url: string,
  options: {
    fetch: Fetch
    timeout: number
    agent: string
    token?: string | undefined
    settings?: SettingsSource | undefined
  },
): Promise<Examination> {
  const { fetch, timeout, agent, token, settings } = options
  const probe = createProbe({ fetch, timeout, agent })
  const discovery = await discover(probe, url)
  const reached = discovery.bare.error === undefined
  const endpoint = endpointOf(discovery, 'registration_endpoint')
  const registrations = endpoint === undefined ? undefined : await tryRegistrations(probe, endpoint)
  const world: World = { ...discovery, probe, timeout, token, registrations }
  const findings: Finding[] = []
  // One after the other: a server under examination is not to be under load.
  for (const check of reached ? CHECKS : [challenge]) findings.push(...(await check(world)))
  if (settings) findings.push(...(await examineDeployment(settings, { address: url, probe, fetch, timeout })))
  const registered = registrations ? await deleteRegistrations(probe, registrations) : { made: 0, deleted: 0 }
  const clients = verdicts(findings, { loopback: isLoopback(url) })
  return { url, findings, clients, requests: probe.count(), registered }
}
