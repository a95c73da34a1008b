import type { Gate } from '../matrix/gate.ts'
import { walk } from '../matrix/gate.ts'
import { register } from '../support/system.ts'
import { runTool } from './tool.ts'

export const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const

const SCENARIOS = ['authorization-server-metadata-endpoint', 'authorization-code-grant']

const PORT = 3456

/** How the proxy did as an authorization server, by the rules of one revision. */
export interface Verdict {
  readonly revision: string
  readonly passed: number
  readonly failed: number
  /** What does not hold; empty where all does. */
  readonly broken: readonly string[]
  readonly output: string
}

/**
 * The tool's authorization mode. It prints an address and waits at its callback; a browser without a screen walks
 * through consent and the provider's form.
 */
export async function checkAuthorization(gate: Gate, revision: string): Promise<Verdict> {
  const redirectUri = `http://127.0.0.1:${PORT}/callback`
  const client = await register(gate.system, { client_name: 'Conformance', redirect_uris: [redirectUri] })
  let walked: Promise<unknown> | undefined
  const { output, status } = await runTool(
    [
      'authorization',
      ...['--url', gate.system.url, '--client-id', client.id, '--port', String(PORT)],
      ...['--resource', gate.mcp, '--spec-version', revision],
    ],
    (soFar) => {
      const [url] = /http:\/\/localhost:\d+\/\S*authorize\?\S+(?=\s)/.exec(soFar) ?? []
      if (url !== undefined) walked ??= walk(new URL(url)).then((answer) => fetch(answer))
    },
  )
  await walked
  const [, passed, failed] = /Total: (\d+) passed, (\d+) failed/.exec(output) ?? []
  const broken = [
    ...(status === 0 ? [] : [`the tool ended with ${status}`]),
    // The tool leaves the code grant out without a word where it has nothing to do it with.
    ...(walked === undefined ? ['the code grant was left out'] : []),
    ...SCENARIOS.filter((name) => !new RegExp(`✓ ${name}: [1-9]\\d* passed, 0 failed`).test(output)),
    ...(Number(failed) === 0 ? [] : [`${failed} checks failed`]),
    // From that revision on the tool also looks whether metadata documents are taken.
    ...(Number(passed) >= (revision >= '2025-11-25' ? 3 : 2) ? [] : [`only ${passed} checks passed`]),
  ]
  return { revision, passed: Number(passed), failed: Number(failed), broken, output }
}
