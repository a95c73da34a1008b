import { oauth2 } from 'lockgate/providers/oauth2'
import { afterEach, describe, expect, test } from 'vitest'
import type { AuthKind } from '../support/imitation/profile.ts'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  startImitated,
  URL_OF_PROXY,
} from '../support/imitation/system.ts'
import { refreshParams } from '../support/system.ts'
import { ROWS } from './rows.ts'

let system: ImitatedSystem | undefined
afterEach(() => system?.close())

const { profile } = ROWS.find(({ name }) => name === 'oauth2')!
const ENDPOINTS = {
  authorizationEndpoint: profile.authorize,
  tokenEndpoint: profile.token,
  userinfoEndpoint: 'https://plain.example.com/me',
  revocationEndpoint: profile.revoke!.url,
  identity: { subject: 'user.id' },
}

/** Signs in, refreshes and revokes at a server of one kind. @returns What the server had to refuse. */
async function complaints(
  auth: AuthKind,
  id: string,
  secret: string,
  overrides: Parameters<typeof oauth2>[0]['overrides'] = {},
): Promise<readonly string[]> {
  const provider = oauth2({ ...ENDPOINTS, clientId: id, clientSecret: secret, overrides })
  const client = { id, secret, redirectUri: `${URL_OF_PROXY}/callback` }
  system = await startImitated(provider, { ...profile, auth }, { client })
  const { imitation, clock } = system
  try {
    const { client: app, tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    clock.ahead += 1800
    await system.post('/token', refreshParams(app, tokens.refresh_token))
    await system.post('/revoke', { token: tokens.refresh_token, client_id: app.id })
    for (let tries = 0; tries < 100 && imitation.grants.personOf(token); tries++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect([...new Set(imitation.asked)].filter((one) => one !== 'api')).toEqual([
      'exchange',
      'refresh',
      'revoke',
    ])
  } catch (error) {
    if (imitation.complaints.length === 0) throw error
  }
  return imitation.complaints
}

/** Ids and secrets that both kinds of server can read alike. */
const PLAIN: readonly [string, string][] = [
  ['client-1_of.the~tests', 'se-cr_et.of~the'],
  ['2141029472.691202649728', 's/e=c!r*e(t)'],
  ['a', 'with:a:colon'],
  ["quotes'", '$@,;?#"\\'],
]
/** Those that only a server that decodes can tell from their encoding. */
const ENCODED: readonly [string, string][] = [
  ['per%cent', 'a%20b'],
  ['pl+us', 'a+b'],
  ['amp&er', 'a&b=c'],
  ['bl ank', 'a b'],
  ['gehört', 'pässwörd-密码'],
]

describe('Basic credentials', () => {
  test.each(PLAIN)(
    '%s and %s are read by servers that decode and by those that do not',
    async (id, secret) => {
      // Accepts only what both kinds accept.
      expect(await complaints('basic-either', id, secret)).toEqual([])
      await system?.close()
      expect(await complaints('basic-raw', id, secret)).toEqual([])
    },
  )

  test.each(ENCODED)('%s and %s are read by servers that decode', async (id, secret) => {
    expect(await complaints('basic', id, secret)).toEqual([])
  })

  test.each(ENCODED)('%s and %s are read by the others with the encoding `raw`', async (id, secret) => {
    expect(await complaints('basic-raw', id, secret, { basicEncoding: 'raw' })).toEqual([])
    await system?.close()
    expect((await complaints('basic-raw', id, secret)).join()).toContain('a wrong Basic')
  })

  test('a colon in the id needs a server that decodes, or credentials in the body', async () => {
    expect(await complaints('basic', 'app:1', 'secret')).toEqual([])
    await system?.close()
    expect((await complaints('basic-raw', 'app:1', 'secret', { basicEncoding: 'raw' })).join()).toContain(
      'a wrong Basic',
    )
    await system?.close()
    expect(await complaints('post', 'app:1', 'secret', { clientAuth: 'client_secret_post' })).toEqual([])
  })

  test.each([...PLAIN, ...ENCODED])('%s and %s work in the body at every server', async (id, secret) => {
    expect(await complaints('post', id, secret, { clientAuth: 'client_secret_post' })).toEqual([])
  })
})
