import { existsSync } from 'node:fs'
import { type Diagnosis, diagnose } from 'lockgate/doctor'
import { afterEach, expect, test } from 'vitest'
import type { Peer } from '../peers/listen.ts'
import { startOidcProvider } from '../peers/oidc-provider.ts'
import { startSdkAuthRouter } from '../peers/sdk-auth-router.ts'
import { startWorkersOauthProvider } from '../peers/workers-oauth-provider.ts'
import { wrong } from './front.ts'

let peer: Peer | undefined
afterEach(async () => {
  await peer?.close()
  peer = undefined
})

const look = (): Promise<Diagnosis> =>
  diagnose(peer!.mcp, {
    fetch: (input, init) => fetch(input, init),
    timeout: 5000,
    agent: 'lockgate-doctor/test',
  })
const ids = (examination: Diagnosis) =>
  wrong(examination).map(({ id, status }) => (status === 'warn' ? `warn ${id}` : id))
const good = ({ findings }: Diagnosis) => findings.filter(({ status }) => status === 'ok').map(({ id }) => id)
const stuck = ({ clients }: Diagnosis) =>
  clients.filter(({ failing }) => failing.length > 0).map(({ client }) => client)

test('oidc-provider: schemes have to be announced, any http address may register, pages may not; the probes are deleted', async () => {
  peer = await startOidcProvider()
  const examination = await look()
  expect(ids(examination)).toEqual([
    'register.schemes',
    'register.refuses',
    'cors.resource',
    'cors.register',
    'cors.mcp',
    'cors.exposed',
  ])
  expect(good(examination)).toEqual(
    expect.arrayContaining([
      'server.issuer',
      'pkce',
      'server.iss',
      'register.mixed',
      'register.hosted',
      'token.error',
      'authorize.redirect',
      'well-known.server',
    ]),
  )
  expect(stuck(examination)).toEqual(['Cursor', 'MCP Inspector'])
  const { made, deleted } = examination.registered
  expect(made).toBe(deleted)

  // As the finding says, by its own rules.
  const register = (application_type: string) =>
    fetch(`${peer!.origin}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
        token_endpoint_auth_method: 'none',
        application_type,
      }),
    })
  expect([(await register('web')).status, (await register('native')).status]).toEqual([400, 201])
})

test('the SDK’s own router: any http address may register, and no answer names its issuer', async () => {
  peer = await startSdkAuthRouter()
  const examination = await look()
  expect(ids(examination)).toEqual([
    'warn server.iss',
    'register.refuses',
    'warn token.caching',
    'cors.mcp',
    'cors.exposed',
  ])
  expect(good(examination)).toEqual(
    expect.arrayContaining([
      'resource.identifier',
      'server.issuer',
      'register.schemes',
      'cors.token',
      'authorize.redirect',
    ]),
  )
  expect(stuck(examination)).toEqual(['MCP Inspector'])
  expect(examination.registered).toEqual({ made: 4, deleted: 0 })
})

const installed = existsSync(new URL('../peers/node_modules', import.meta.url))
if (!installed)
  console.warn('Skipped: `node test/install.mjs peers` installs @cloudflare/workers-oauth-provider')

test.skipIf(!installed)(
  '@cloudflare/workers-oauth-provider: nothing stands in the way of any client',
  async () => {
    peer = await startWorkersOauthProvider()
    const examination = await look()
    expect(ids(examination)).toEqual([])
    expect(good(examination)).toEqual(
      expect.arrayContaining([
        'server.issuer',
        'server.iss',
        'register.schemes',
        'register.refuses',
        'cors.mcp',
        'cors.exposed',
        'token.caching',
      ]),
    )
    expect(stuck(examination)).toEqual([])
  },
)
