import { createProxy, type ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { expect, test } from 'vitest'
import { publicFindings } from '../../adapters/doctor/deployment/public-tools.ts'

const options = (mcp: ProxyOptions['mcp']): ProxyOptions => ({
  url: 'http://localhost:8787',
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({ issuer: 'https://id.example.com', clientId: 'proxy', clientSecret: 'secret' }),
  storage: memory(),
  mcp,
})

test('doctor lists what anyone may do without a token', () => {
  const given = options([
    {
      path: '/open',
      url: 'http://localhost:3000/mcp',
      public: { tools: ['search', 'docs_*'], prompts: ['hello'] },
    },
    { path: '/closed', url: 'http://localhost:3001/mcp', tools: { '*': 'mcp' } },
  ])
  expect(() => createProxy(given)).not.toThrow()
  expect(publicFindings(given)).toEqual([
    {
      id: 'settings.public',
      status: 'ok',
      title: 'Anyone may use a part of /open without a token',
      seen: 'tools: search, docs_*; prompts: hello',
    },
  ])
  for (const mcp of ['http://localhost:3000/mcp', () => new Response()])
    expect(publicFindings(options(mcp))).toEqual([])
})
