import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

let folder: string
const ends: (() => void)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-output-'))
})
afterEach(async () => {
  for (const end of ends.splice(0)) end()
  await rm(folder, { recursive: true, force: true })
})

/** Starts the command with an output that cannot be written. */
function start(args: readonly string[], out: 'left' | '/dev/full', env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', out === 'left' ? 'pipe' : openSync(out, 'w'), 'pipe'],
  })
  ends.push(() => child.kill('SIGKILL'))
  let err = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    err += String(chunk)
  })
  // As `head` leaves, before anything is written.
  child.stdout?.destroy()
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, code, err: () => err }
}

describe('a command whose reader has left', () => {
  test.each(['explain', 'explain failed', 'secret', 'key', '--version', 'serve --help'])(
    'ends quietly: lockgate %s',
    async (line) => {
      const run = start(line.split(' '), 'left')
      expect([await run.code, run.err()]).toEqual([0, ''])
    },
  )

  test('has still done its work', async () => {
    const answers = [
      '--provider',
      'oidc',
      '--issuer',
      'https://id.example.com',
      '--mcp',
      'http://localhost:3000/mcp',
    ]
    const run = start(['init', ...answers], 'left')
    expect([await run.code, run.err()]).toEqual([0, ''])
    expect(await readFile(join(folder, '.env'), 'utf8')).toContain('LOCKGATE_')
  })
})

test.runIf(process.platform === 'linux')(
  'a command whose output is lost says so, and ends with 1',
  async () => {
    const run = start(['explain'], '/dev/full')
    expect([await run.code, run.err()]).toEqual([1, 'The output cannot be written (ENOSPC).\n'])
  },
)

describe('serve goes on', () => {
  const CASES = [
    ['left', 'the reader of standard output has left'],
    ['/dev/full', 'events cannot be written to standard output (ENOSPC)'],
  ] as const

  test.each(CASES)('if its log cannot be written (%s), and says so once', async (out, message) => {
    const port = await freePort()
    const run = start(['serve', '--dev', '--mcp', 'http://127.0.0.1:9/mcp', '--log', 'json'], out, {
      PORT: String(port),
      LOCKGATE_STORAGE: 'memory:',
    })
    await expect.poll(run.err).toContain('"ready"')
    for (let count = 0; count < 5; count++) {
      const refused = await fetch(`http://127.0.0.1:${port}/mcp`, {
        method: 'POST',
        headers: { authorization: `Bearer of-nobody-${count}`, host: `localhost:${port}` },
      })
      expect(refused.status).toBe(401)
      await refused.text()
    }
    await expect.poll(run.err).toContain(message)
    expect(run.err().split(message)).toHaveLength(2)
    run.child.kill('SIGTERM')
    expect(await run.code).toBe(0)
  })

  test('if nothing reads standard error either', async () => {
    const port = await freePort()
    const run = start(['serve', '--dev', '--mcp', 'http://127.0.0.1:9/mcp', '--log', 'json'], 'left', {
      PORT: String(port),
      LOCKGATE_STORAGE: 'memory:',
    })
    await expect.poll(run.err).toContain('"ready"')
    run.child.stderr!.destroy()
    for (let count = 0; count < 5; count++) {
      const refused = await fetch(`http://127.0.0.1:${port}/mcp`, {
        method: 'POST',
        headers: { authorization: `Bearer of-nobody-${count}` },
      })
      expect(refused.status).toBe(401)
    }
    run.child.kill('SIGTERM')
    expect(await run.code).toBe(0)
  })
})
