import assert from 'node:assert/strict'
import { Client, CrossAppAccessProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { ID_JAG, JWT_BEARER } from '../../support/assertion-issuer.ts'
import { outcome } from '../../support/system.ts'
import { overHttp, type Peer } from '../peer.ts'
import type { Checks } from '../suite.ts'

const CLIENT = { client_id: 'enterprise', client_secret: 'the secret of an enterprise client' }

/** An assertion of the company for a person. */
function mint({ issuer, url }: Peer, audience = url): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const about = { iss: issuer.issuer, sub: 'ann', aud: audience, client_id: CLIENT.client_id }
  return issuer.sign({ ...about, jti: crypto.randomUUID(), iat: now, exp: now + 300 }, ID_JAG)
}

/** Access by assertions of an issuer elsewhere. */
export const assertionChecks: Checks = {
  async 'the client of the MCP SDK gets in by an assertion of its company'(peer) {
    const authProvider = new CrossAppAccessProvider({
      clientId: CLIENT.client_id,
      clientSecret: CLIENT.client_secret,
      assertion: ({ authorizationServerUrl }) => mint(peer, authorizationServerUrl),
    })
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${peer.url}/mcp`), { authProvider }))
    const { tools } = await client.listTools()
    assert.ok(tools.length > 5, `${tools.length} tools`)
    await client.close()
  },

  async 'a faulty assertion is invalid_grant, and nothing else'(peer) {
    const system = overHttp(peer)
    for (const assertion of ['a.b.c', await mint(peer, 'https://other.example')]) {
      const answer = await system.post('/token', { grant_type: JWT_BEARER, ...CLIENT, assertion })
      assert.deepEqual(await outcome(answer), [400, 'invalid_grant'])
    }
  },

  async 'an assertion is good once'(peer) {
    const system = overHttp(peer)
    const form = { grant_type: JWT_BEARER, ...CLIENT, assertion: await mint(peer) }
    const answers = await Promise.all(Array.from({ length: 20 }, () => system.post('/token', form)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  },
}
