import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.ts'
import { type Measurement, measure } from './measure.ts'
import { operationsOf } from './operations.ts'
import { lockgate } from './subjects/lockgate.ts'
import { noAuth } from './subjects/no-auth.ts'
import type { MakeSubject, Send } from './subjects/subject.ts'
import { workersOauthProvider } from './subjects/workers-oauth-provider.ts'

const PRODUCTS = { noAuth, lockgate, workersOauthProvider } satisfies Record<string, MakeSubject>

/** The same paths over HTTP, each product in a process of its own on `node`; what is counted is that process. */
export async function measureOverHttp(node: string, rounds: number, grants: number): Promise<Measurement> {
  const agent = new Agent({ keepAlive: true })
  const children: ChildProcess[] = []
  try {
    const operations = []
    for (const [name, make] of Object.entries(PRODUCTS)) {
      const port = await freePort()
      const script = fileURLToPath(new URL('./serve.ts', import.meta.url))
      const child = spawn(node, ['--expose-gc', '--import', 'tsx', script, name, String(port)], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      children.push(child)
      await once(child, 'message')
      const ask = async (message: string): Promise<number> => {
        const answer = once(child, 'message')
        child.send(message)
        return Number((await answer)[0])
      }
      const client = await make(`http://localhost:${port}`)
      const { twin: _, restart, ...rest } = client
      const subject = { ...rest, ...(restart && { restart: () => void ask('restart') }) }
      for (const operation of await operationsOf(subject, sendBy(agent), grants)) {
        const prepare = async () => {
          const run = await operation.prepare()
          await ask('collect')
          return run
        }
        operations.push({
          ...operation,
          times: Math.ceil(operation.times / 2),
          prepare,
          cpu: () => ask('cpu'),
        })
      }
    }
    return await measure(operations, rounds)
  } finally {
    agent.destroy()
    for (const child of children) child.kill('SIGKILL')
  }
}

/** By the plain client of Node: what it costs falls on this side, and it follows no redirect. */
export const sendBy =
  (agent: Agent): Send =>
  async (request) => {
    const body = request.method === 'POST' ? Buffer.from(await request.arrayBuffer()) : undefined
    const url = new URL(request.url)
    const headers = { ...Object.fromEntries(request.headers), ...(body && { 'content-length': body.length }) }
    const sent = httpRequest({
      agent,
      host: '127.0.0.1',
      port: url.port,
      path: url.pathname + url.search,
      method: request.method,
    })
    sent.setHeader('host', url.host)
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value)
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const status = answer.statusCode!
    const response = new Response(status === 204 ? null : Buffer.concat(chunks), { status })
    for (let at = 0; at < answer.rawHeaders.length; at += 2) {
      response.headers.append(answer.rawHeaders[at]!, answer.rawHeaders[at + 1]!)
    }
    return response
  }
