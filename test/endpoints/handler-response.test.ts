import { expect, test } from 'vitest'
import { askHandler } from '../../src/endpoints/mcp-handler.ts'
import type { Auth } from '../../src/index.ts'

/** Bun builds every response. Node refuses some, so that the status is written over. */
const built = (body: string | null, status: number) =>
  Object.defineProperty(new Response(body), 'status', { value: status })
const ask = (response: Response) =>
  askHandler(() => response, new Request('http://localhost/'), undefined as unknown as Auth)

test.each([
  [null, 0],
  [null, 101],
  [null, 199],
  [null, 600],
  ['x', 204],
  ['x', 205],
  ['x', 304],
])('a handler that responds with the body %j and the status %d has failed', async (body, status) => {
  await expect(ask(built(body, status))).rejects.toMatchObject({
    code: 'server_error',
    reason: 'handler-failed',
  })
})

test.each([
  ['x', 200],
  [null, 204],
  [null, 304],
  ['x', 599],
])('a handler may respond with the body %j and the status %d', async (body, status) => {
  expect((await ask(built(body, status))).status).toBe(status)
})
