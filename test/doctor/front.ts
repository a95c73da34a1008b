import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Fetch, ProxyOptions } from 'lockgate'
import { type Diagnosis, diagnose, type ExamineOptions, type Finding } from 'lockgate/doctor'
import { toNodeHandler } from 'lockgate/node'
import { Agent, fetch as undiciFetch } from 'undici'
import { readDeployment, type SettingsSource } from '../../adapters/cli/doctor/settings.ts'
import { certify } from '../outbound/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { type System, startSystem } from '../support/system.ts'

export type Pass = (request: Request) => Promise<Response>

/** What stands in front of the proxy: passes requests on, and spoils one thing. */
export type Fault = (request: Request, pass: Pass) => Response | Promise<Response>

/** A Lockgate that listens, with a faulty front. */
export interface Front extends System {
  readonly port: number
  readonly fetch: Fetch
  /** What the doctor says of it. */
  doctor(options?: ExamineOptions & { settings?: SettingsSource }): Promise<Diagnosis>
  /** The settings `lockgate serve` would have run it with. */
  settings(changes?: Record<string, string>): SettingsSource
}

const HOST = 'mcp.example.com'

/** @param options.https Under a public name with a certificate; `undefined` is returned where the machine makes none. */
export async function startFront(
  fault: Fault = (request, pass) => pass(request),
  options: Partial<ProxyOptions> & { https?: boolean } = {},
): Promise<Front> {
  const { https, ...own } = options
  const port = await freePort()
  const certificate = https ? certify(HOST) : undefined
  if (https && !certificate) throw new Error('openssl is needed for a certificate')
  const url = https ? `https://${HOST}:${port}` : `http://localhost:${port}`
  const system = await startSystem({ ...own, url })
  const handler = toNodeHandler({
    fetch: async (request) => fault(inPublic(request, url), (passed) => system.proxy.fetch(passed)),
  })
  const server = certificate ? createHttps(certificate, handler) : createHttp(handler)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const fetch = certificate
    ? fetchWith(certificate.cert)
    : (input: string, init: RequestInit) => globalThis.fetch(input, init)
  const { issuer, clientId, clientSecret } = system.provider
  return {
    ...system,
    port,
    fetch,
    async doctor({ settings, ...changes } = {}) {
      const found = settings && (await readDeployment(settings, system.mcp))
      const options = { fetch, timeout: 5000, agent: 'lockgate-doctor/test', ...changes }
      const local = { deployment: found?.options, secondStore: found?.secondStore }
      const diagnosis = await diagnose(system.mcp, { ...options, ...local })
      await found?.close()
      return { ...diagnosis, findings: [...diagnosis.findings, ...(found?.findings ?? [])] }
    },
    settings: (changes = {}) => ({
      env: {
        LOCKGATE_URL: url,
        LOCKGATE_SECRET: 'q0Zs8V1xTnB4kLr7Wm2dYc9JfHu3EoPaGiSv6XtQbNz',
        LOCKGATE_STORAGE: 'memory:',
        LOCKGATE_UPSTREAM: 'oidc',
        LOCKGATE_UPSTREAM_ISSUER: issuer,
        LOCKGATE_UPSTREAM_CLIENT_ID: clientId,
        LOCKGATE_UPSTREAM_CLIENT_SECRET: clientSecret,
        LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
        ...changes,
      },
      cwd: '/nowhere',
      config: undefined,
    }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await system.close()
    },
  }
}

/** What the front got, under the address that clients used. */
function inPublic(request: Request, url: string): Request {
  const { pathname, search } = new URL(request.url)
  return new Request(url + pathname + search, request as RequestInit)
}

/** Reaches every name on this machine, and trusts one certificate more. */
export function fetchWith(ca?: string): Fetch {
  const dispatcher = new Agent({
    connect: {
      ...(ca && { ca }),
      lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  })
  return async (input, init) =>
    (await undiciFetch(input, { ...(init as object), dispatcher })) as unknown as Response
}

/** The answer with other headers; `undefined` takes one away. */
export function withHeaders(response: Response, changes: Record<string, string | undefined>): Response {
  const changed = new Response(response.body, response)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) changed.headers.delete(name)
    else changed.headers.set(name, value)
  }
  return changed
}

/** The answer with another body, where it is JSON. */
export async function withJson(
  response: Response,
  change: (json: Record<string, unknown>) => Record<string, unknown>,
): Promise<Response> {
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  const json = (await response.json()) as Record<string, unknown>
  return new Response(JSON.stringify(change(json)), { status: response.status, headers })
}

/** A fault of one path: others are passed on, and so are preflights. */
export const at =
  (
    path: RegExp | string,
    fault: (response: Response, request: Request) => Response | Promise<Response>,
  ): Fault =>
  async (request, pass) => {
    const { pathname } = new URL(request.url)
    const response = await pass(request)
    const meant = typeof path === 'string' ? pathname === path : path.test(pathname)
    return meant && request.method !== 'OPTIONS' ? fault(response, request) : response
  }

/** What is wrong, by id. */
export const wrong = ({ findings }: Diagnosis): Finding[] =>
  findings.filter(({ status }) => status === 'fail' || status === 'warn')
