import { ConfigError } from 'lockgate'
import { github } from 'lockgate/providers/github'
import { memory } from 'lockgate/storage/memory'
import { fromEnv } from 'lockgate/workers'
import { expect, test } from 'vitest'

interface Env {
  SECRET: string
  GITHUB_SECRET: string
}

const worker = fromEnv<Env>((env) => ({
  url: 'http://localhost:8787',
  secret: env.SECRET,
  upstream: github({ clientId: 'id', clientSecret: env.GITHUB_SECRET }),
  storage: memory(),
  mcp: 'http://localhost:3000/mcp',
}))

const issuesOf = async (env: Partial<Env>) => {
  const error = await worker
    .fetch(new Request('http://localhost:8787/health'), env as Env)
    .catch((one) => one)
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).issues.map(({ path }) => path)
}

test('a Worker that lacks a binding names it beside the option that needs it, and no other binding', async () => {
  expect(await issuesOf({ GITHUB_SECRET: 'canary' })).toEqual(['secret', 'env.SECRET'])
  expect(await issuesOf({ SECRET: 'k9Zq3vT8xW1nB5yR7mC4pL6sD2fG0hJq', GITHUB_SECRET: '' })).toEqual([
    expect.stringContaining('clientSecret'),
    'env.GITHUB_SECRET',
  ])
})

test('a Worker with every binding says nothing of bindings', async () => {
  expect(await issuesOf({ SECRET: 'short', GITHUB_SECRET: 'canary' })).toEqual(['secret'])
})
