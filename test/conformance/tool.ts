import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { locate } from '../runtimes/locate.ts'

const TOOL = fileURLToPath(
  new URL('./node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
)

/** Runs the conformance tool. @param listen Gets its output as it grows. */
export async function runTool(
  args: readonly string[],
  listen: (output: string) => void = () => {},
): Promise<{ output: string; status: number | null }> {
  const node = locate('node24')
  if (node === undefined) throw new Error('the conformance tool needs the Node of test/runtimes')
  const child = spawn(node, [TOOL, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      listen(output)
    })
  }
  const deadline = setTimeout(() => child.kill('SIGKILL'), 180_000)
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(deadline)
  return { output, status }
}

/** Every check that the tool wrote into a folder, by scenario and name, with its outcome. */
export async function readChecks(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const run of (await readdir(folder)).sort()) {
    const scenario = run.replace(/-\d{4}-\d\d-\d\dT.*$/, '')
    const text = await readFile(join(folder, run, 'checks.json'), 'utf8').catch(() => '[]')
    const checks = JSON.parse(text) as { id: string; status: string }[]
    // A scenario that the tool could not finish writes none: that counts as an outcome of its own.
    if (checks.length === 0) found.set(scenario, 'NONE')
    for (const [index, { id, status }] of checks.entries()) found.set(`${scenario} ${id} #${index}`, status)
  }
  return found
}
