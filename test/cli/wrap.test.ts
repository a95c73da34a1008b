import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { runCommand, startCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { signInAtProvider } from '../support/provider.ts'
import { type Served, startServed } from '../support/served.ts'

let folder: string
let served: Served | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-wrap-'))
})
afterEach(async () => {
  served?.run.child.kill('SIGKILL')
  await served?.provider.close()
  served = undefined
  await rm(folder, { recursive: true, force: true })
})

const everything = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
)

async function signedIn(url: string, login: string) {
  const browser = new Browser()
  const keeper: SignedInClient = new SignedInClient(async (address) => {
    const stopAt = keeper.redirectUrl
    const consent = asPage(await browser.open(address.href))
    const page = asPage(await browser.submit(consent, { decision: 'allow' }))
    return asUrl(await signInAtProvider(browser, page, { stopAt, login }))
  })
  return { keeper, ...(await connectV1(url, keeper)) }
}

test('a program is served: each session has one of its own, and nobody uses another’s', async () => {
  served = await startServed(folder, {
    args: ['wrap', '--env', 'SHOWN', '--', process.execPath, everything, 'stdio'],
    env: { SHOWN: 'yes', LOCKGATE_SECRET: 'canary canary of the environment of the proxy' },
  })
  const { mcp } = served.system
  const ada = await signedIn(mcp, 'ada')
  const bob = await signedIn(mcp, 'bob')
  const { content } = (await ada.client.callTool({ name: 'echo', arguments: { message: 'hello' } })) as {
    content: { text: string }[]
  }
  expect(content[0]?.text).toContain('hello')
  const { content: seen } = (await bob.client.callTool({ name: 'get-env', arguments: {} })) as {
    content: { text: string }[]
  }
  expect(seen[0]?.text).toContain('SHOWN')
  expect(seen[0]?.text).not.toContain('canary')

  const session = ada.transport.sessionId!
  expect(session).not.toBe(bob.transport.sessionId)
  const asBob = await fetch(mcp, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${bob.keeper.saved!.access_token}`,
      'mcp-session-id': session,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  expect(asBob.status).toBe(404)
  expect((await ada.client.listTools()).tools.length).toBeGreaterThan(5)
  served.run.child.kill('SIGTERM')
  expect(await served.run.code).toBe(0)
}, 60_000)

test('the rules of the config file count for the program', async () => {
  await writeFile(
    join(folder, 'lockgate.config.json'),
    JSON.stringify({ scopes: { read: 'Read' }, mcp: { tools: { 'get-env': 'deny', '*': 'read' } } }),
  )
  served = await startServed(folder, { args: ['wrap', '--', process.execPath, everything, 'stdio'] })
  const { client } = await signedIn(served.system.mcp, 'ada')
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'hello' } })
  expect(JSON.stringify(echo)).toContain('hello')
  await expect(client.callTool({ name: 'get-env', arguments: {} })).rejects.toThrow()
}, 60_000)

test('a program that does not start is said to the client, and the proxy lives on', async () => {
  served = await startServed(folder, { args: ['wrap', '--', join(folder, 'no-such-program')] })
  await expect(signedIn(served.system.mcp, 'ada')).rejects.toThrow('The program does not start')
  expect((await fetch(`${served.system.url}/health`)).status).toBe(200)
}, 60_000)

test('without a program there is nothing to wrap', async () => {
  const { code, err } = await runCommand(folder, ['wrap'])
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('lockgate wrap -- <command>') })
})

test('the command of the guide works: --dev needs no provider, the report names the program and warns of a variable that is absent', async () => {
  await writeFile(join(folder, '.env'), 'OF_DOT_ENV=yes\n')
  const port = String(await freePort())
  const program = [process.execPath, everything, 'stdio', 'canary']
  const names = 'OF_DOT_ENV,API_KEY'
  const { child, ready, err, code } = startCommand(folder, [
    ...['wrap', '--dev', '--port', port, '--env', names, '--', ...program],
  ])
  try {
    await ready()
    await expect
      .poll(err)
      .toContain('warning      --env: there is no variable API_KEY to pass to the program')
    expect(err()).toContain(`→ the program ${process.execPath}\n`)
    expect(err()).not.toContain('OF_DOT_ENV')
    expect(err(), 'an argument may be secret').not.toContain('canary')
  } finally {
    child.kill('SIGTERM')
  }
  expect(await code).toBe(0)
}, 60_000)

test('without a provider the message names --dev and the variables', async () => {
  const { code, err } = await runCommand(folder, ['wrap', '--', process.execPath, everything, 'stdio'])
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringMatching(/LOCKGATE_UPSTREAM: is missing; .*--dev/),
  })
})
