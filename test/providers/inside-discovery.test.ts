import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readUpstream } from '../../adapters/cli/configuration/providers.ts'
import { providerIssues } from '../../src/providers/parts/unusable.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'

/** A provider whose public name leads nowhere from here. It has an inside address for programs. */
const ISSUER = 'https://id.example.com/realms/acme'
let server: Server
let inside: string
const asked: string[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!)
    const document = {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/auth`,
      token_endpoint: `${inside}/token`,
    }
    const answer = request.url === '/token' ? { access_token: 'new', token_type: 'bearer' } : document
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  inside = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

const variables = () => ({
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: ISSUER,
  LOCKGATE_UPSTREAM_CLIENT_ID: 'c',
  LOCKGATE_UPSTREAM_CLIENT_SECRET: 's',
  LOCKGATE_UPSTREAM_DISCOVERY_URL: `${inside}/discovery`,
})

test('the discovery document comes from the inside address, and the browser goes to the public one', async () => {
  const provider = (await readUpstream(variables())) as ReturnType<typeof oidc>
  const upstream = createUpstream(provider, {
    fetch: (url, init) => fetch(url, init),
    now: () => 1_800_000_000,
    redirectUri: 'https://proxy.example.com/callback',
  })
  const flow = { state: 's', verifier: 'v', nonce: 'n' }
  expect(await upstream.authorizationUrl(flow)).toContain(`${ISSUER}/auth?`)
  await upstream.refresh({ accessToken: 'old', refreshToken: 'r' })
  expect(asked).toEqual(['/discovery', '/token'])
})

test('http on another host needs the switch with the loud name, in code and as a variable', async () => {
  const url = 'http://keycloak.inside:8080/realms/acme/.well-known/openid-configuration'
  const options = { issuer: ISSUER, clientId: 'c', clientSecret: 's', discoveryUrl: url }
  expect(providerIssues(oidc(options)).map(({ path }) => path)).toEqual(['discoveryUrl'])
  expect(oidc({ ...options, dangerouslyAllowHttp: true }).discovery).toEqual({ url })
  const given = { ...variables(), LOCKGATE_UPSTREAM_DISCOVERY_URL: url }
  await expect(readUpstream(given)).rejects.toThrow('LOCKGATE_UPSTREAM_DISCOVERY_URL')
  const loud = { ...given, LOCKGATE_UPSTREAM_DANGEROUSLY_ALLOW_HTTP: 'true' }
  expect(await readUpstream(loud)).toMatchObject({ discovery: { url }, dangerouslyAllowHttp: true })
})
