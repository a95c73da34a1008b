import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'

/** Drawn, not made up. */
const OLD = '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4'
const NEW = 'b1Dq9sHcX7gMfU2nZyVt4eJkRwP5oLa8TiC0xKQm3uE'

let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-user-ids-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Runs `serve` with these variables until it is ready or has ended, and returns what it wrote. */
async function served(variables: Record<string, string>): Promise<{ ready: boolean; text: string }> {
  const run = startCommand(folder, ['serve'], {
    LOCKGATE_UPSTREAM: 'github',
    LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
    LOCKGATE_UPSTREAM_CLIENT_SECRET: 'secret',
    LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
    LOCKGATE_ALLOW: 'ada@example.com',
    LOCKGATE_STORAGE: 'fs:./data',
    PORT: String(await freePort()),
    ...variables,
  })
  children.push(run.child)
  const ready = await run.ready().then(
    () => true,
    () => false,
  )
  run.child.kill('SIGTERM')
  await run.code
  return { ready, text: run.err() }
}

test('serve does not start in public if every user would get a new id, and says what to do', {
  timeout: 60_000,
}, async () => {
  const at = { LOCKGATE_URL: 'https://mcp.example.com' }
  expect(await served({ ...at, LOCKGATE_SECRET: OLD })).toMatchObject({ ready: true })
  const refused = await served({ ...at, LOCKGATE_SECRET: NEW })
  expect(refused.ready).toBe(false)
  expect(refused.text).toContain('secret (LOCKGATE_SECRET): lacks the secret that the ids of users follow')
  expect(refused.text).toContain('LOCKGATE_USER_ID_SECRET')
  expect(refused.text).not.toContain(NEW)
  const rotated = await served({ ...at, LOCKGATE_SECRET: `${NEW},${OLD}` })
  expect(rotated).toMatchObject({ ready: true })
  expect(rotated.text).toContain('warning      secret: has several secrets')
  expect(await served({ ...at, LOCKGATE_SECRET: NEW, LOCKGATE_USER_ID_SECRET: OLD })).toMatchObject({
    ready: true,
  })
})

test('on this machine alone it starts, with a warning', async () => {
  expect(await served({ LOCKGATE_SECRET: OLD })).toMatchObject({ ready: true })
  const changed = await served({ LOCKGATE_SECRET: NEW })
  expect(changed.ready).toBe(true)
  expect(changed.text).toContain('warning      secret (LOCKGATE_SECRET): lacks the secret')
})

describe('the message of ids that would change says where the missing secret lies', () => {
  const at = { LOCKGATE_URL: 'https://mcp.example.com' }
  const file = 'data/lockgate-secret'

  test('in the file that a start without a secret made, and doing what it says keeps the ids', async () => {
    expect(await served({})).toMatchObject({ ready: true })
    const refused = await served({ ...at, LOCKGATE_SECRET: NEW })
    expect(refused.ready).toBe(false)
    expect(refused.text).toContain(`That secret lies in ${file}`)
    expect(refused.text).toContain(`remove LOCKGATE_SECRET and set LOCKGATE_SECRET_FILE=${file}`)
    expect(refused.text).toContain('set LOCKGATE_STORAGE to a new folder')
    expect(refused.text).not.toContain((await readFile(join(folder, file), 'utf8')).trim())
    expect(await served({ ...at, LOCKGATE_SECRET_FILE: file })).toMatchObject({ ready: true })
    expect(await served({ ...at, LOCKGATE_SECRET: NEW, LOCKGATE_STORAGE: 'fs:./new' })).toMatchObject({
      ready: true,
    })
  })

  test('in .env, which a variable hides', async () => {
    await writeFile(join(folder, '.env'), `LOCKGATE_SECRET=${OLD}\n`)
    expect(await served(at)).toMatchObject({ ready: true })
    const refused = await served({ ...at, LOCKGATE_SECRET: NEW })
    expect(refused.ready).toBe(false)
    expect(refused.text).toContain('That secret is LOCKGATE_SECRET in .env, and LOCKGATE_SECRET hides it')
    expect(refused.text).not.toContain('lies in')
    expect(await served(at)).toMatchObject({ ready: true })
  })

  test('in the config file, which a variable hides', async () => {
    await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ secret: OLD }))
    expect(await served(at)).toMatchObject({ ready: true })
    const refused = await served({ ...at, LOCKGATE_SECRET: NEW })
    expect(refused.ready).toBe(false)
    expect(refused.text).toContain('That secret is in lockgate.config.json')
  })

  test('and names no place of another secret', async () => {
    expect(await served({ ...at, LOCKGATE_SECRET: OLD })).toMatchObject({ ready: true })
    await writeFile(join(folder, file), `${OLD}X\n`)
    const refused = await served({ ...at, LOCKGATE_SECRET: NEW })
    expect(refused.text).toContain('lacks the secret')
    expect(refused.text).not.toContain('That secret')
  })
})

test('the order of the README works: a try with --dev, then init, then serve keep one secret', async () => {
  const [mcp, port] = ['http://127.0.0.1:3000/mcp', String(await freePort())]
  const provider = ['--provider', 'github', '--client-id', 'id', '--client-secret', 'secret']
  const run = async (args: string[], env: Record<string, string> = {}) => {
    const one = startCommand(folder, args, env)
    children.push(one.child)
    await one.ready()
    one.child.kill('SIGTERM')
    await one.code
    return one.err()
  }
  await run(['serve', '--dev', '--mcp', mcp, '--port', port])
  const init = ['init', ...provider, '--mcp', mcp, '--allow', '@example.com', '--url']
  const written = startCommand(folder, [...init, `http://localhost:${port}`])
  expect(await written.code).toBe(0)
  expect(await run(['serve'])).not.toContain('lacks the secret')
  expect(await run(['serve'], { LOCKGATE_URL: 'https://mcp.example.com' })).toContain('is ready')
}, 60_000)

test.each(['flag', 'list'])('a wrong LOCKGATE_USER_ID_SECRET is refused (%s)', async (kind) => {
  const value = kind === 'list' ? 'short' : ''
  const run = startCommand(folder, ['serve', ...(kind === 'flag' ? [`--user-id-secret=${OLD}`] : [])], {
    LOCKGATE_URL: 'https://mcp.example.com',
    LOCKGATE_SECRET: NEW,
    LOCKGATE_USER_ID_SECRET: value,
  })
  children.push(run.child)
  expect(await run.code).not.toBe(0)
  expect(run.err()).toContain('LOCKGATE_USER_ID_SECRET')
})
