import type { ProxyOptions } from 'lockgate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issuerFindings } from '../../adapters/doctor/deployment/issuers.ts'
import { type AssertionIssuer, startAssertionIssuer } from '../support/assertion-issuer.ts'

const URL_OF_PROXY = 'https://mcp.example.com'
const SERVER = `${URL_OF_PROXY}/mcp`
const DOCUMENT = 'https://app.example/client.json'

let idp: AssertionIssuer
beforeAll(async () => {
  idp = await startAssertionIssuer()
})
afterAll(() => idp.close())

const examine = (options: Partial<ProxyOptions>) =>
  issuerFindings(options as ProxyOptions, {
    issuer: URL_OF_PROXY,
    resources: [SERVER],
    fetch: (input, init) => fetch(input, init),
  })

test('the values to enter at the issuer are printed, for each use', async () => {
  const rules = [{ name: 'job', match: { sub: 'job' }, scopes: ['mcp'] }]
  const findings = await examine({
    trustedIssuers: [{ issuer: idp.issuer, use: ['id-jag', 'workload', 'bearer'], rules }],
    ema: { clients: [DOCUMENT] },
    clients: [{ clientId: 'claude', redirectUris: ['https://app.example/'] }],
  })
  expect(findings.map(({ id, status, seen }) => [status, id, seen])).toEqual([
    ['ok', 'issuers.0.keys', '1 found'],
    [
      'ok',
      'issuers.0.id-jag',
      `audience ${URL_OF_PROXY}, resource ${SERVER}, client_id claude or ${DOCUMENT}`,
    ],
    ['ok', 'issuers.0.workload', `audience ${URL_OF_PROXY}`],
    ['ok', 'issuers.0.bearer', `audience ${SERVER}`],
  ])
})

test('an issuer whose keys cannot be fetched is named, with what to do', async () => {
  idp.discover({ issuer: 'https://other.example', jwks_uri: `${idp.server.origin}/tenant/keys` })
  const [keys, people] = await examine({ trustedIssuers: [{ issuer: idp.issuer, use: ['id-jag'] }] })
  expect(keys).toMatchObject({
    status: 'fail',
    id: 'issuers.0.keys',
    seen: 'its discovery document names another issuer',
    fix: expect.stringContaining('character by character'),
  })
  expect(people).toMatchObject({ status: 'warn', id: 'issuers.0.id-jag' })
})

test('without trusted issuers nothing is asked', async () => {
  idp.asked.length = 0
  expect(await examine({})).toEqual([])
  expect(idp.asked).toEqual([])
})
