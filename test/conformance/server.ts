import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gate } from '../matrix/gate.ts'
import { connect } from '../support/system.ts'
import { startForwarder } from './forwarder.ts'
import { readChecks, runTool } from './tool.ts'

/** One MCP server, judged twice: as it is, and through the proxy. */
export interface Comparison {
  readonly revision: string
  readonly checks: number
  /** How many the bare server passes. */
  readonly passed: number
  /** Checks with another outcome behind the guard, as `check: bare -> guarded`. */
  readonly worse: readonly string[]
  readonly better: readonly string[]
}

/** @param behind The server that stands behind the gate. */
export async function compare(gate: Gate, behind: string, revision: string): Promise<Comparison> {
  const { tokens } = await connect(gate.system)
  const [bare, guarded] = await Promise.all([
    judge(behind, undefined, revision),
    judge(gate.mcp, tokens.access_token, revision),
  ])
  const names = [...new Set([...bare.keys(), ...guarded.keys()])]
  const differing = names.filter((name) => bare.get(name) !== guarded.get(name))
  const describe = (name: string) =>
    `${name}: ${bare.get(name) ?? 'absent'} -> ${guarded.get(name) ?? 'absent'}`
  const improved = (name: string) => bare.get(name) === 'FAILURE' && guarded.get(name) === 'SUCCESS'
  return {
    revision,
    checks: names.length,
    passed: [...bare.values()].filter((status) => status === 'SUCCESS').length,
    worse: differing.filter((name) => !improved(name)).map(describe),
    better: differing.filter(improved).map(describe),
  }
}

async function judge(url: string, token: string | undefined, revision: string): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-conformance-'))
  const forwarder = await startForwarder(url, token)
  try {
    await runTool(['server', '--url', forwarder.url, '--requirements', revision, '--output-dir', folder])
    return await readChecks(folder)
  } finally {
    await forwarder.close()
    await rm(folder, { recursive: true, force: true })
  }
}
