import { expect, test } from 'vitest'
import { connect, guarded, refreshParams, register, startSystem, type Tokens } from '../support/system.ts'

test('neither storage, log, answers nor the provider ever see what is not for them', async () => {
  const answers: string[] = []
  const system = await startSystem({
    clients: [
      { clientId: 'configured', clientSecret: 'a configured secret', redirectUris: ['https://app.test/cb'] },
    ],
    providerTtl: 120,
  })
  const upstreamTokens: string[] = []
  const { call } = system
  const record = async (response: Response) => {
    const copy = response.clone()
    answers.push([...copy.headers].join('\n'), await copy.text())
    return response
  }
  const recorded = {
    ...system,
    call: async (path: string, init?: RequestInit) => record(await call(path, init)),
  }

  const confidential = await register(recorded, { token_endpoint_auth_method: 'client_secret_post' })
  const { client, tokens, signedIn } = await connect(system, { login: 'grace' })
  const mcp = await guarded(recorded, tokens.access_token)
  const { user } = (await mcp.json()) as { user: string }
  system.clock.ahead += 90
  const refreshed = (await (
    await system.post('/token', refreshParams(client, tokens.refresh_token))
  ).json()) as Tokens
  await system.post('/revoke', { client_id: client.id, token: refreshed.refresh_token })
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (const body of system.provider.received) {
    const params = new URLSearchParams(body)
    for (const name of ['refresh_token', 'token', 'code']) upstreamTokens.push(...params.getAll(name))
  }
  const ours = [tokens.access_token, tokens.refresh_token, refreshed.access_token, refreshed.refresh_token]
  const secrets = [
    ...ours,
    signedIn.code,
    signedIn.code.split('.')[2]!,
    confidential.secret!,
    'a configured secret',
  ]
  const personal = ['grace@example.com', 'Name of grace', '"grace"']

  const dump = system.store.dump()
  expect(dump).toContain(`grant:${user}:`)
  const log = JSON.stringify(system.events)
  expect(system.events.map(({ type }) => type)).toEqual(
    expect.arrayContaining([
      'registered',
      'consented',
      'signed-in',
      'issued',
      'upstream-refreshed',
      'refreshed',
      'grant-ended',
    ]),
  )
  expect(upstreamTokens.length, 'a code, a refresh, and both tokens revoked').toBeGreaterThanOrEqual(4)
  for (const secret of [...secrets, ...upstreamTokens, ...personal]) {
    expect(dump.includes(secret), `storage holds ${secret}`).toBe(false)
    expect(log.includes(secret), `the log holds ${secret}`).toBe(false)
  }
  for (const secret of [...upstreamTokens, system.provider.clientSecret, 'a secret of the tests']) {
    expect(answers.join('\n').includes(secret), `an answer holds ${secret}`).toBe(false)
  }
  for (const token of ours) {
    expect(system.provider.received.join('\n').includes(token), 'the provider got a token of ours').toBe(
      false,
    )
  }
  await system.close()
})
