import { afterEach, expect, test } from 'vitest'
import { startMcpServer } from '../support/mcp-server.ts'
import { connect } from '../support/system.ts'
import { type Front, startFront, withHeaders, wrong } from './front.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
const keep = (front: Front) => {
  closing.push(front.close)
  return front
}

test('a healthy Lockgate has no finding, with settings and token at hand', async () => {
  const mcp = await startMcpServer()
  closing.push(mcp.close)
  const front = keep(await startFront(undefined, { mcp: mcp.url }))
  const { tokens } = await connect(front)
  const examination = await front.doctor({ token: tokens.access_token, settings: front.settings() })
  expect(wrong(examination)).toEqual([])
  expect(examination.findings.filter(({ status }) => status === 'skip').map(({ id }) => id)).toEqual([
    'transport.hsts',
    'upstream.refresh',
  ])
  expect(examination.clients.map(({ client, works }) => [client, works])).toEqual([
    // Claude and ChatGPT connect from their own servers, which cannot reach a loopback address.
    ['Claude', 'partly'],
    ['ChatGPT', 'no'],
    ['VS Code', 'yes'],
    ['Cursor', 'yes'],
    ['mcp-remote', 'yes'],
    ['MCP Inspector', 'yes'],
  ])
  expect(examination.requests).toBeLessThan(40)
  expect(examination.registered).toEqual({ made: 3, deleted: 0 })
})

test('a healthy Lockgate behind TLS has no finding', async () => {
  const hsts = { 'strict-transport-security': 'max-age=31536000' }
  const front = keep(
    await startFront(async (request, pass) => withHeaders(await pass(request), hsts), { https: true }),
  )
  expect(wrong(await front.doctor())).toEqual([])
})

test('with stored registrations the probes are deleted again', async () => {
  const front = keep(await startFront(undefined, { registration: 'stored' }))
  const examination = await front.doctor()
  expect(wrong(examination)).toEqual([])
  expect(examination.registered).toEqual({ made: 3, deleted: 3 })
})
