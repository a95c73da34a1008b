import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callByInspector, callByRemote, missingClients } from './processes.ts'
import { type PublicGate, startPublicGate } from './public-tools.ts'

let gate: PublicGate

beforeAll(async () => {
  gate = await startPublicGate()
})
afterAll(() => gate.close())
beforeEach(() => {
  gate.trace()
})

const CALL = ['--method', 'tools/call', '--tool-name']

describe.skipIf(missingClients !== undefined)('at a server with public tools', { timeout: 60_000 }, () => {
  test('mcp-remote lists and calls a public tool without a sign-in, and signs in at the first protected call', async () => {
    const { output, signedIn } = await callByRemote(gate.scoped)
    const trace = gate.trace().filter((line) => !line.startsWith('initialize'))
    expect(output).toContain('The sum of 1 and 2 is 3.')
    expect([output, signedIn]).toEqual([expect.stringContaining('Echo: hello'), true])
    expect(trace).toEqual([
      'tools/list without a token 200',
      'get-sum without a token 200',
      'signed in',
      'echo with a token 200',
    ])
  })

  test('the inspector lists and calls a public tool without a sign-in', async () => {
    const listed = await callByInspector(gate.mcp, '--method', 'tools/list')
    expect([listed.output, listed.signedIn]).toEqual([expect.stringContaining('"name": "echo"'), false])
    const called = await callByInspector(gate.mcp, ...CALL, 'get-sum', '--tool-arg', 'a=1', 'b=2')
    expect([called.output, called.signedIn]).toEqual([expect.stringContaining('1 and 2 is 3'), false])
    expect(gate.trace()).not.toContain('signed in')
  })

  test('the inspector signs in at the first protected call, and then gets its answer', async () => {
    const { output, signedIn } = await callByInspector(
      gate.mcp,
      ...CALL,
      'echo',
      '--tool-arg',
      'message=hello',
    )
    expect([output, signedIn]).toEqual([expect.stringContaining('Echo: hello'), true])
    const trace = gate.trace()
    expect(trace.slice(0, trace.indexOf('signed in')).join()).not.toContain('with a token')
    expect(trace.at(-1)).toBe('echo with a token 200')
  })
})
