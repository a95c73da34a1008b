import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const FLAGS = ['--import', 'tsx', '--input-type=module', '--eval']
const PROGRAM = `
import { connect } from 'node:net'
import { serve } from './adapters/node.ts'
const told = []
const served = await serve(
  { fetch: async () => new Response('ok'), report: (failure) => told.push(failure) },
  { port: 0, onListen() {} },
)
const port = Number(new URL(served.url).port)
const sockets = []
const open = async (count) => {
  for (let index = 0; index < count; index++) {
    const socket = connect(port, '127.0.0.1')
    await new Promise((done) => socket.once('connect', done))
    sockets.push(socket)
  }
}
// Both ends are in this process, so that each connection takes two descriptors.
await open(64)
const early = told.length
await open(400)
console.log(JSON.stringify({ early, told }))
process.exit(0)
`

test.runIf(process.platform === 'linux')(
  'a process that is about to run out of descriptors says so once, with the number and the limit',
  async () => {
    const program = spawn(
      'sh',
      ['-c', 'ulimit -n 1000 && exec "$0" "$@"', process.execPath, ...FLAGS, PROGRAM],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const output = (await program.stdout.toArray()).join('')
    const { early, told } = JSON.parse(output) as { early: number; told: unknown[] }
    expect(early).toBe(0)
    expect(told).toEqual([
      { reason: 'descriptors-short', detail: expect.stringMatching(/^9\d\d of 1000 are in use$/) },
    ])
  },
)
