import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { at, type Front, startFront, withJson } from '../doctor/front.ts'
import { startProvider } from '../support/provider.ts'

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

let front: Front | undefined
afterEach(async () => {
  await front?.close()
  front = undefined
})

/** Runs `lockgate doctor` with nothing in its environment but what is given. */
const doctor = (args: string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { cwd: tmpdir(), env: { PATH: process.env.PATH, ...env } }
    const child = execFile(process.execPath, [cli, 'doctor', ...args], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })

const BROKEN = at('/.well-known/oauth-authorization-server', (response) =>
  withJson(response, (json) => ({ ...json, issuer: 'https://id.example.com/\u001b[31mred' })),
)

test('a healthy server ends with 0, and every client works that can reach it', async () => {
  front = await startFront()
  const { code, out, err } = await doctor([front.mcp])
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^ {2}ok {4}server\.issuer +Its `issuer` is what was asked for, byte for byte$/m)
  expect(out).toMatch(/^ {2}Cursor +yes$/m)
  expect(out).toMatch(/^ {2}Claude +partly +its servers cannot reach a loopback address; Claude Code/m)
  expect(out).toMatch(/^ {2}ChatGPT +NO +its servers cannot reach a loopback address; use a public/m)
  expect(out).toMatch(
    /^0 failed, 0 to improve, \d+ ok, \d+ skipped; \d+ requests, 3 probe clients registered/m,
  )
  expect(out, 'no colours where nobody sees them').not.toContain('\u001b')
})

test('a fault ends with 1, with what was seen, what was expected and what to do', async () => {
  front = await startFront(BROKEN)
  const { code, out } = await doctor([front.mcp])
  expect(code).toBe(1)
  expect(out).toMatch(/^ {2}FAIL {2}server\.issuer/m)
  expect(out).toMatch(/^ {8}seen {6}https:\/\/id\.example\.com\/ \[31mred$/m)
  expect(out).toMatch(/^ {8}expected {2}http:\/\/localhost:\d+, as authorization_servers has it$/m)
  expect(out).toMatch(/^ {8}fix {7}Spell the issuer the same/m)
  expect(out).toMatch(/^ {2}VS Code +NO +because of server\.issuer$/m)
  expect(out, 'what a server says moves no terminal').not.toContain('\u001b')
})

test('--as takes a grant instead of an address', async () => {
  const wrong = await doctor(['--as', 'nonsense', 'http://localhost:1/mcp'])
  expect([wrong.code, wrong.out]).toEqual([2, ''])
  expect(wrong.err).toContain('url: is not needed with --as')
})

test('--json is one object, for scripts', async () => {
  front = await startFront(BROKEN)
  const { code, out } = await doctor([front.mcp, '--json'])
  expect(code).toBe(1)
  const { ok, findings, clients } = JSON.parse(out)
  expect(ok).toBe(false)
  expect(findings.find(({ id }: { id: string }) => id === 'server.issuer')).toMatchObject({
    status: 'fail',
    expected: expect.any(String),
  })
  expect(clients[0]).toMatchObject({ client: 'Claude', works: 'no', failing: ['server.issuer'] })
})

test('settings of the environment are looked at too, as serve reads them', async () => {
  front = await startFront()
  const { env } = front.settings({ LOCKGATE_UPSTREAM_CLIENT_SECRET: 'wrong secret' })
  const { code, out } = await doctor([front.mcp], env as Record<string, string>)
  expect(code).toBe(1)
  expect(out).toMatch(/FAIL {2}upstream\.credentials/)
  expect(out).not.toContain('wrong secret')
})

test('a server that is not there is said to be that, and nothing else', async () => {
  const { code, out } = await doctor(['http://127.0.0.1:9/mcp', '--timeout', '2'])
  expect(code).toBe(1)
  expect(out.match(/^ {2}(ok|FAIL|warn) /gm)).toEqual(['  FAIL '])
  expect(out).toContain('reachable')
})

test.each([
  ['no address', [], /url/i],
  ['an address that is none', ['mcp.example.com'], /expected the http\(s\) address/],
  ['a time that is none', ['http://127.0.0.1:9/mcp', '--timeout', 'soon'], /--timeout: expected seconds/],
  ['an unknown flag', ['http://127.0.0.1:9/mcp', '--jsno'], /did you mean --json/],
])('%s ends with 2', async (_name, args, message) => {
  const { code, out, err } = await doctor(args)
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(message)
})

test('--help names every flag', async () => {
  const { code, out } = await doctor(['--help'])
  expect(code).toBe(0)
  for (const flag of ['--config', '--token', '--timeout', '--json']) expect(out).toContain(flag)
})

test('--provider examines the provider of the settings, and needs no server', async () => {
  const provider = await startProvider({ redirectUris: ['http://localhost:8787/callback'] })
  try {
    const { code, out, err } = await doctor(['--provider'], {
      LOCKGATE_UPSTREAM: 'oidc',
      LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
      LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
      LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
    })
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^ {2}ok {4}upstream\.credentials /m)
    expect(out).toMatch(/^ {2}confirmed +endpoints, client authentication/m)
    expect(out).not.toContain(provider.clientSecret)
  } finally {
    await provider.close()
  }
})

test.each<[string[], Record<string, string>, number, string]>([
  [['--provider'], {}, 2, '--provider: is missing in the settings; set LOCKGATE_UPSTREAM'],
  [['--provider'], { LOCKGATE_UPSTREAM: 'google' }, 1, 'LOCKGATE_UPSTREAM_CLIENT_ID: is missing'],
  [['--provider', 'http://localhost:1/mcp'], {}, 2, 'url: is not needed with --provider'],
  [['http://localhost:1/mcp', '--sign-in'], {}, 2, '--sign-in: needs --provider'],
])('%j with %j ends with %i', async (args, env, status, message) => {
  const { code, err } = await doctor(args, env)
  expect([code, err]).toEqual([status, expect.stringContaining(message)])
})
