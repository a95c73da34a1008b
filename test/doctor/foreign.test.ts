import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diagnose } from 'lockgate/doctor'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readDeployment } from '../../adapters/cli/doctor/settings.ts'

/** What a server that is not ours can make its examiner do. */
describe('a public server', () => {
  const PRIVATE = [
    'http://127.0.0.1:9',
    'http://localhost:9',
    'http://10.1.2.3',
    'http://169.254.169.254',
    'http://[::1]:9',
    'http://[::ffff:10.1.2.3]',
    'https://192.168.0.1',
  ]
  const url = 'https://1.1.1.1/mcp'

  /** A server whose documents name another origin everywhere. @returns The origins that were asked. */
  async function examined(other: string, allowPrivateAddresses: boolean) {
    const asked = new Set<string>()
    const findings = await diagnose(url, {
      timeout: 1000,
      allowPrivateAddresses,
      fetch: async (input) => {
        const { origin, pathname } = new URL(input)
        asked.add(origin)
        if (pathname.includes('oauth-protected-resource')) {
          return Response.json({ resource: url, authorization_servers: [other] })
        }
        if (pathname.includes('.well-known')) {
          const endpoints = { authorization_endpoint: `${other}/a`, token_endpoint: `${other}/t` }
          return Response.json({ issuer: other, ...endpoints, registration_endpoint: `${other}/r` })
        }
        const metadata = `${other}/.well-known/oauth-protected-resource/mcp`
        return new Response(null, {
          status: 401,
          headers: { 'www-authenticate': `Bearer resource_metadata="${metadata}"` },
        })
      },
    })
    return { asked: [...asked], ids: findings.findings.map(({ id }) => id) }
  }

  test.each(PRIVATE)('whose documents name %s makes no request to it, and is told', async (other) => {
    const { asked, ids } = await examined(other, false)
    expect(asked).toEqual(['https://1.1.1.1'])
    expect(ids).toContain('urls.private')
  })

  test('may name private addresses if the operator says so', async () => {
    const { asked, ids } = await examined('http://10.1.2.3', true)
    expect(asked).toContain('http://10.1.2.3')
    expect(ids).not.toContain('urls.private')
  })
})

describe('a config file in the folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockgate-foreign-'))
    const body = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(join(folder, 'ran'))}, '')\nexport default {}\n`
    await writeFile(join(folder, 'lockgate.config.mjs'), body)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const ran = () => existsSync(join(folder, 'ran'))

  test('is not run for the address of another server', async () => {
    const env = { LOCKGATE_URL: 'https://own.example' }
    const source = { env, cwd: folder, config: undefined }
    const { findings, close } = await readDeployment(source, 'https://other.example/mcp')
    await close()
    expect(ran()).toBe(false)
    expect(findings).toMatchObject([{ status: 'skip', seen: expect.stringContaining('was not run') }])
  })

  test('is run if it is named', async () => {
    const source = { env: {}, cwd: folder, config: 'lockgate.config.mjs' }
    const { close } = await readDeployment(source, 'https://other.example/mcp')
    await close()
    expect(ran()).toBe(true)
  })
})
