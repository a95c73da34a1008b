import { randomUUID } from 'node:crypto'
import type { Auth, McpHandler } from '../../../src/index.ts'
import { ms } from '../../../src/internal.ts'
import { SettingsError } from '../configuration/environment.ts'
import { createStderr } from './stderr.ts'

/** Programs that run at the same time, for one owner and in all. */
const LIMITS = { perOwner: 5, all: 50 }

/** MCP servers that are programs, one for each session. */
export interface StdioSessions {
  readonly handler: McpHandler
  close(): Promise<void>
}

interface Session {
  readonly owner: string
  usedAt: number
  handle(request: Request): Promise<Response>
  close(): Promise<void>
}

/**
 * Both sides are transports of the MCP SDK: what one of them receives the other one sends. The program gets `env`
 * of its start and what every program needs, nothing else of this process.
 *
 * @throws {SettingsError} Where the SDK is not installed.
 */
export async function stdioSessions(
  command: string,
  args: readonly string[],
  env: () => Readonly<Record<string, string>>,
  write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<StdioSessions> {
  const { StdioClientTransport, getDefaultEnvironment, WebTransport } = await loadSdk()
  const sessions = new Map<string, Session>()
  const all = new Set<Session>()

  async function start(owner: string): Promise<Session> {
    const program = new StdioClientTransport({
      command,
      args: [...args],
      env: { ...getDefaultEnvironment(), ...env() },
      stderr: 'pipe',
    })
    program.stderr?.on('data', createStderr(write))
    const web = new WebTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, session),
    })
    const session: Session = {
      owner,
      usedAt: Date.now(),
      handle: (request) => web.handleRequest(request),
      async close() {
        // Each side tells of its own end too.
        if (!all.delete(session)) return
        if (web.sessionId) sessions.delete(web.sessionId)
        await Promise.allSettled([web.close(), program.close()])
      },
    }
    all.add(session)
    web.onmessage = (message) => void program.send(message).catch(() => session.close())
    program.onmessage = (message) => void web.send(message).catch(() => {})
    program.onclose = () => void session.close()
    web.onclose = () => void session.close()
    try {
      await Promise.all([web.start(), program.start()])
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  async function makeRoom(owner: string): Promise<boolean> {
    const old = [...all].filter(({ usedAt }) => Date.now() - usedAt > ms.wrapIdle)
    await Promise.all(old.map((session) => session.close()))
    const own = [...all].filter((session) => session.owner === owner)
    return own.length < LIMITS.perOwner && all.size < LIMITS.all
  }

  return {
    async handler(request, auth) {
      const owner = ownerOf(auth)
      const id = request.headers.get('mcp-session-id')
      if (id !== null) {
        const session = sessions.get(id)
        // The session of another owner is as unknown as one that never existed.
        if (session?.owner !== owner) return refuse(404, 'Session not found')
        session.usedAt = Date.now()
        return session.handle(request)
      }
      if (request.method !== 'POST') return refuse(400, 'Mcp-Session-Id is missing')
      if (!(await makeRoom(owner))) return refuse(503, 'Too many sessions')
      try {
        const session = await start(owner)
        const response = await session.handle(request)
        // It began no session.
        if (![...sessions.values()].includes(session)) await session.close()
        return response
      } catch {
        return refuse(502, 'The program does not start')
      }
    },
    async close() {
      await Promise.all([...all].map((session) => session.close()))
    },
  }
}

/** A session belongs to one user and client. Every API key is an owner of its own. */
const ownerOf = ({ user, clientId, extra }: Auth): string =>
  JSON.stringify([user.id, clientId, extra.apiKey ?? null])

const refuse = (status: number, message: string): Response =>
  Response.json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }, { status })

async function loadSdk() {
  try {
    const [stdio, web] = await Promise.all([
      import('@modelcontextprotocol/sdk/client/stdio.js'),
      import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'),
    ])
    return { ...stdio, WebTransport: web.WebStandardStreamableHTTPServerTransport }
  } catch {
    throw new SettingsError(
      'wrap needs a package that is not installed: npm install @modelcontextprotocol/sdk',
    )
  }
}
