import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { certify } from '../outbound/certificate.ts'
import { type Run, runCommand, startCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'

let folder: string
let run: Run | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-health-'))
})
afterEach(async () => {
  run?.child.kill('SIGKILL')
  run = undefined
  await rm(folder, { recursive: true, force: true })
})

const BASE = {
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
  LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
  LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
  LOCKGATE_STORAGE: 'memory:',
}

async function healthOf(env: Record<string, string>): Promise<number | null> {
  run = startCommand(folder, ['serve'], env)
  await run.ready()
  return (await runCommand(folder, ['health'], env)).code
}

test('health finds the port of serve, and ends with 1 if nothing is there', async () => {
  const env = { ...BASE, PORT: String(await freePort()) }
  expect(await healthOf(env)).toBe(0)
  run!.child.kill('SIGKILL')
  await run!.code
  const { code, err } = await runCommand(folder, ['health'], env)
  expect(code).toBe(1)
  expect(err).toContain('ECONNREFUSED')
})

test('health knows the path of the URL', async () => {
  const port = String(await freePort())
  expect(await healthOf({ ...BASE, PORT: port, LOCKGATE_URL: `http://localhost:${port}/tools` })).toBe(0)
})

test('health knows the path of the URL in the config file', async () => {
  const port = String(await freePort())
  await writeFile(
    join(folder, 'lockgate.config.ts'),
    `export default { url: 'http://localhost:${port}/tools' }`,
  )
  expect(await healthOf({ ...BASE, PORT: port })).toBe(0)
})

const certificate = certify('mcp.example.com')
if (!certificate) console.warn('health over TLS is not tested; missing: openssl')

test.skipIf(!certificate)('health speaks TLS where serve does', async () => {
  await writeFile(join(folder, 'cert.pem'), certificate!.cert)
  await writeFile(join(folder, 'key.pem'), certificate!.key)
  const env = {
    ...BASE,
    PORT: String(await freePort()),
    LOCKGATE_TLS_CERT: 'cert.pem',
    LOCKGATE_TLS_KEY: 'key.pem',
  }
  expect(await healthOf(env)).toBe(0)
})

test('health and grants take the flags of serve for its settings', async () => {
  const port = String(await freePort())
  const env = { ...BASE, LOCKGATE_STORAGE: '' }
  run = startCommand(
    folder,
    ['serve', '--port', port, '--storage', 'fs:./kept', '--url', `http://localhost:${port}/tools`],
    env,
  )
  await run.ready()
  const health = await runCommand(
    folder,
    ['health', '--port', port, '--url', `http://localhost:${port}/tools`],
    env,
  )
  expect(health).toMatchObject({ code: 0, err: '' })
  const elsewhere = await runCommand(folder, ['health', '--port', '1'], env)
  expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining('127.0.0.1:1/health') })
  const grants = await runCommand(folder, ['grants', 'list', '--storage', 'fs:./kept'], env)
  expect(grants).toMatchObject({ code: 0, out: 'No grants.\n' })
  const misspelt = await runCommand(folder, ['grants', 'list', '--storge', 'fs:./kept'], env)
  expect(misspelt).toMatchObject({ code: 2, err: expect.stringContaining('did you mean --storage?') })
})
