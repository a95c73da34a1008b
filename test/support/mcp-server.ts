import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { freePort } from './free-port.ts'

/** Starts the reference MCP server as a process of its own, and waits until it answers. */
export async function startMcpServer(port?: number): Promise<{ url: string; close(): Promise<void> }> {
  const listen = port ?? (await freePort())
  const root = dirname(
    createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json'),
  )
  const child = spawn(process.execPath, [join(root, 'dist/index.js'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(listen) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const url = `http://127.0.0.1:${listen}/mcp`
  for (let tries = 0; tries < 150; tries++) {
    if (child.exitCode !== null) throw new Error(`the MCP server ended: ${output}`)
    const answers = await fetch(url, { method: 'GET' }).then(
      () => true,
      () => false,
    )
    if (answers) return { url, close: () => stop(child) }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await stop(child)
  throw new Error(`the MCP server did not start: ${output}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(force)
}
