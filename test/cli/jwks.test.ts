import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCommand } from '../support/command.ts'

const ISSUER = 'https://mcp.example.com'
const AUDIENCE = 'http://127.0.0.1:1'
const IDENTITY = new URL('../../dist/identity.js', import.meta.url).href

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-jwks-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function jwks(mcp: object, more: object = {}, storage = 'fs:data') {
  const config = {
    url: ISSUER,
    secret: 'f3b0c7d19a5e4c6f8b2d7e1a0c9f4b6d',
    upstream: { login: '/login', name: 'own' },
    mcp: { url: `${AUDIENCE}/mcp`, ...mcp },
    ...more,
  }
  await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify(config))
  return runCommand(folder, ['jwks'], { LOCKGATE_STORAGE: storage })
}

test('the keys in the storage are printed, the same each time, and no private member', async () => {
  const first = await jwks({ identity: {} })
  expect([first.code, first.err]).toEqual([0, ''])
  const { keys } = JSON.parse(first.out) as { keys: Record<string, unknown>[] }
  expect(keys[0]).toMatchObject({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) })
  for (const key of keys) expect(key).not.toHaveProperty('d')
  expect((await jwks({ identity: {} })).out).toBe(first.out)
})

test('a server without the network verifies an identity with them, by the built package alone', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const own = { ...(await exportJWK(privateKey)), kid: 'own', alg: 'ES256', use: 'sig' }
  const { out } = await jwks({ identity: {} }, { signing: { keys: [own] } })
  const program = `
    import { createServer } from 'node:http'
    import { verifyIdentity } from '${IDENTITY}'
    const options = { issuer: '${ISSUER}', audience: '${AUDIENCE}', keys: ${out.trim()} }
    const server = createServer((request, response) =>
      verifyIdentity(request, options).then(
        ({ sub }) => response.end(sub),
        () => response.writeHead(401).end(),
      ),
    )
    server.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: folder })
  try {
    const port = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(`${text}`.trim())),
    )
    const ask = async (audience: string) => {
      const token = await new SignJWT({ kind: 'person' })
        .setProtectedHeader({ alg: 'ES256', kid: 'own', typ: 'lockgate-identity+jwt' })
        .setIssuer(ISSUER)
        .setAudience(audience)
        .setSubject('ann')
        .setIssuedAt()
        .setExpirationTime('1 minute')
        .sign(privateKey)
      const response = await fetch(`http://127.0.0.1:${port}/mcp`, {
        headers: { 'x-lockgate-assertion': token },
      })
      return [response.status, await response.text()]
    }
    expect(await ask(AUDIENCE)).toEqual([200, 'ann'])
    expect(await ask('http://127.0.0.1:2')).toEqual([401, ''])
  } finally {
    child.kill()
  }
})

test.each<[string, object, string, string]>([
  ['nothing is signed', {}, 'fs:data', 'Nothing is signed: set `accessToken` or `identity`'],
  ['only the process of serve has the keys', { identity: {} }, 'memory:', 'only the process of serve'],
])('it ends with 1 if %s', async (_what, mcp, storage, problem) => {
  const { code, out, err } = await jwks(mcp, {}, storage)
  expect([code, out]).toEqual([1, ''])
  expect(err).toContain(problem)
})
