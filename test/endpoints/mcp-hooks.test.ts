import { type Auth, type McpCall, type McpOptions, OAuthError } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

const log: string[] = []
const asked: [string, string | undefined, unknown, string][] = []
let decide: (call: McpCall, auth: Auth) => boolean | Promise<boolean>
let system: StartedSystem
const tokens: Record<string, string> = {}
/** The answer of the tool. */
let result: object
/** The id of its answer as JSON, if it is not 1. */
let echoed: string | undefined

beforeAll(async () => {
  const handler = async (request: Request, auth: Auth) => {
    const body = await request.text()
    log.push(body)
    if (body.includes('"caught"')) {
      // As libraries do with what a tool throws.
      try {
        auth.require('write')
      } catch {
        return Response.json({ jsonrpc: '2.0', id: 1, result: { isError: true } })
      }
    }
    if (body.includes('"thrown"')) auth.require('write', 'read')
    if (echoed !== undefined) {
      const text = `{"jsonrpc":"2.0","id":${echoed},"result":${JSON.stringify(result)}}`
      return new Response(text, { headers: { 'content-type': 'application/json' } })
    }
    return Response.json({
      jsonrpc: '2.0',
      id: 1,
      result: { ...result, has: [auth.has('read'), auth.has('write'), auth.has('read', 'other')] },
    })
  }
  system = await startSystem({
    scopes: {
      base: { description: 'Use', default: true },
      read: 'Read',
      write: { description: 'Write', implies: ['read'] },
      other: 'Other',
    },
    mcp: [
      { path: '/mcp', handler, scopes: ['base'] },
      {
        path: '/hook',
        handler,
        tools: { denied: 'write' },
        authorize: (call: McpCall, auth: Auth) => {
          asked.push([call.method, call.tool, call.arguments(), auth.user.id])
          return decide(call, auth)
        },
      },
      {
        path: '/audit',
        handler,
        audit: { arguments: (call: McpCall) => Object.keys(call.arguments()).join() },
      },
      { path: '/quiet', handler, audit: true },
    ] as McpOptions[],
  })
  for (const path of ['/mcp', '/hook', '/audit', '/quiet'])
    for (const scope of ['base', 'base read', 'base write']) {
      const params = { resource: system.url + path, scope }
      tokens[`${path} ${scope}`] = (await connect(system, { params })).tokens.access_token
    }
})
afterAll(() => system.close())
beforeEach(() => {
  log.length = 0
  asked.length = 0
  system.events.length = 0
  decide = () => true
  result = {}
  echoed = undefined
})

const call = (
  path: string,
  name: string,
  { scope = 'base', more = {} }: { scope?: string; more?: object } = {},
) =>
  system.call(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens[`${path} ${scope}`]}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: more } }),
  })

describe('a handler', () => {
  test('asks for scopes by the hierarchy', async () => {
    const has = async (scope: string) =>
      ((await (await call('/mcp', 'x', { scope })).json()) as { result: { has: boolean[] } }).result.has
    expect(await has('base')).toEqual([false, false, false])
    expect(await has('base read')).toEqual([true, false, false])
    expect(await has('base write')).toEqual([true, true, false])
  })

  test.each(['thrown', 'caught'])(
    'that requires a scope leads to a challenge, if its exception is %s',
    async (name) => {
      const response = await call('/mcp', name)
      expect(response.status).toBe(403)
      const challenge = response.headers.get('www-authenticate') ?? ''
      expect(challenge).toContain('error="insufficient_scope"')
      expect(challenge).toContain(name === 'thrown' ? 'scope="base write read"' : 'scope="base write"')
      expect(await response.json()).toMatchObject({ error: 'insufficient_scope' })
      expect((await call('/mcp', name, { scope: 'base write' })).status).toBe(200)
    },
  )
})

describe('the function authorize', () => {
  test('gets the action, its arguments and the user, after the scopes permit it', async () => {
    expect((await call('/hook', 'x', { more: { a: 1 } })).status).toBe(200)
    expect(asked).toEqual([['tools/call', 'x', { a: 1 }, expect.stringMatching(/./)]])
    expect((await call('/hook', 'denied')).status).toBe(403)
    expect(asked).toHaveLength(1)
  })

  test('refuses with false, or with a sentence of its own', async () => {
    decide = async () => false
    const silent = await call('/hook', 'x')
    expect([silent.status, await silent.json()]).toEqual([
      403,
      { error: 'access_denied', error_description: 'You may not do this' },
    ])
    expect(silent.headers.get('www-authenticate')).toBeNull()
    decide = () => {
      throw new OAuthError('access_denied', 'Not on Sundays')
    }
    expect(await (await call('/hook', 'x')).json()).toMatchObject({ error_description: 'Not on Sundays' })
    expect(system.events).toMatchObject([
      { reason: 'call-not-authorized', detail: 'tools/call x' },
      { reason: 'refused-by-application' },
    ])
    expect(log).toEqual([])
  })

  test('refuses if it fails, or returns anything but true', async () => {
    decide = () => {
      throw new Error('a secret of the application')
    }
    const failed = await call('/hook', 'x')
    expect(failed.status).toBe(500)
    expect(await failed.text()).not.toContain('secret')
    decide = () => 'yes' as unknown as boolean
    expect((await call('/hook', 'x')).status).toBe(403)
    expect(log).toEqual([])
  })

  test.each(['{"amount":1,"Amount":1000000}', '{"deep":[{"to":"a","TO":"b"}]}', '{"\u017fum":1,"sum":2}'])(
    'is not asked about arguments that programs may read differently: %s',
    async (text) => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":${text}}}`
      const send = (path: string) =>
        system.call(path, {
          method: 'POST',
          headers: { authorization: `Bearer ${tokens[`${path} base`]}` },
          body,
        })
      const response = await send('/hook')
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { id: 1, error: { code: -32_602 } },
      ])
      expect([asked, log]).toEqual([[], []])
      expect((await send('/quiet')).status, 'nothing judges them there').toBe(200)
    },
  )

  test('may refuse for a scope, with a challenge', async () => {
    decide = (_, auth) => {
      auth.require('write')
      return true
    }
    const response = await call('/hook', 'x')
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringContaining('scope="write"'),
    ])
  })
})

describe('an audit', () => {
  const calls = () => system.events.filter(({ type }) => type === 'called')

  test('names the tool, the outcome and the user, without headers that repeat the body', async () => {
    await (await call('/audit', 'x', { more: { secret: 'value', other: 1 } })).text()
    await expect.poll(calls).toHaveLength(1)
    expect(calls()[0]).toMatchObject({
      method: 'tools/call',
      tool: 'x',
      outcome: 'ok',
      status: 200,
      size: expect.any(Number),
      duration: expect.any(Number),
      user: expect.any(String),
      client: expect.any(String),
      arguments: 'secret,other',
    })
    expect(JSON.stringify(system.events)).not.toContain('value')
    expect(system.events.find(({ type }) => type === 'forwarded')?.action).toBe('tools/call x')
  })

  test('contains no arguments unless a function describes them', async () => {
    await (await call('/quiet', 'x', { more: { secret: 'value' } })).text()
    await expect.poll(calls).toHaveLength(1)
    expect(calls()[0]!.arguments).toBeUndefined()
  })

  test('tells an error of a tool from a success', async () => {
    result = { isError: true }
    await (await call('/audit', 'x')).text()
    await expect.poll(() => calls()[0]?.outcome).toBe('tool-error')
  })

  test('tells the outcome whatever id the client chose', async () => {
    result = { isError: true }
    for (const id of ['9007199254740993', '1.5', '"x"', '-0']) {
      system.events.length = 0
      echoed = id
      const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"x"}}`
      const headers = { authorization: `Bearer ${tokens['/quiet base']}` }
      await (await system.call('/quiet', { method: 'POST', headers, body })).text()
      await expect.poll(() => calls()[0]?.outcome, { message: id }).toBe('tool-error')
    }
  })

  test('names no tool that could not be printed', async () => {
    await (await call('/audit', 'a b\u2028<script>')).text()
    await expect.poll(calls).toHaveLength(1)
    expect(calls()[0]!.tool).toBeUndefined()
  })
})
