import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readAnswers } from '../../adapters/cli/init/answers.ts'
import { ask, Cancelled } from '../../adapters/cli/init/questions.ts'

const ENTER = '\r'
const DOWN = '\u001b[B'
const ESCAPE = '\u0003'

/** Somebody who types: each time a question with such a text is there, the keys beside it. */
function typist(answers: readonly (readonly [question: string, ...keys: string[]])[]) {
  const input = new PassThrough()
  const output = Object.assign(new PassThrough(), { columns: 120, rows: 40 })
  let shown = ''
  let next = 0
  output.on('data', (chunk: Buffer) => {
    shown += chunk.toString()
    const [question, ...keys] = answers[next] ?? []
    if (question === undefined || !shown.includes(question)) return
    shown = ''
    next++
    // One after the other, as keys come.
    for (const [index, key] of keys.flatMap((text) => (text === DOWN ? [text] : [...text])).entries()) {
      setTimeout(() => input.write(key), 40 + index * 5)
    }
  })
  return { terminal: { input, output }, asked: () => next }
}

test('asks for everything, with checks, and for what the provider needs', async () => {
  const { terminal, asked } = typist([
    ['Who signs your users in?', `keycl${ENTER}`],
    ['baseUrl', `ftp://x${ENTER}`],
    ['expected', `${'\u007f'.repeat(7)}https://id.example.com${ENTER}`],
    ['realm', `main${ENTER}`],
    ['MCP server to protect', ENTER],
    ['address that clients', `https://mcp.example.com${ENTER}`],
    ['Client id', `my-app${ENTER}`],
    ['client secret', ENTER],
    ['Who may sign in', `@example.com${ENTER}`],
    ['Where will it run', DOWN, ENTER],
    ['Where are grants kept', ENTER],
    ['Which MCP client', DOWN, DOWN, ENTER],
  ])
  const given = await ask({}, terminal)
  expect(asked()).toBe(12)
  expect(await readAnswers(given)).toMatchObject({
    provider: 'keycloak',
    inputs: { baseUrl: 'https://id.example.com', realm: 'main' },
    mcp: 'http://localhost:3000/mcp',
    url: 'https://mcp.example.com',
    clientId: 'my-app',
    clientSecret: '',
    allow: '@example.com',
    runtime: 'environment',
    storage: 'fs:.lockgate/data',
    client: 'chatgpt',
  })
})

test('does not ask for what a flag has said', async () => {
  const { terminal, asked } = typist([
    ['Where will it run', ENTER],
    ['Where are grants kept', `memory:${ENTER}`],
  ])
  const flags = { provider: 'github', mcp: 'http://x/mcp', url: 'http://localhost:1', client: 'codex' }
  const given = await ask({ ...flags, 'client-id': 'a', 'client-secret': 'b' }, terminal)
  expect(asked()).toBe(2)
  expect(given).toEqual({
    ...flags,
    'client-id': 'a',
    'client-secret': 'b',
    runtime: 'node',
    storage: 'memory:',
  })
})

test('whoever leaves leaves nothing behind', async () => {
  const { terminal } = typist([['Who signs your users in?', ESCAPE]])
  await expect(ask({}, terminal)).rejects.toThrow(Cancelled)
})
