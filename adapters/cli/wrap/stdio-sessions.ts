import { randomUUID } from 'node:crypto'
import type { McpHandler } from '../../../src/index.ts'
import { ms } from '../../../src/internal.ts'
import { SettingsError } from '../configuration/environment.ts'

/** Programs that run at once, for one grant and for all together. */
const LIMITS = { perGrant: 5, all: 50 }

/** MCP servers that are programs, one for each session of each grant. */
export interface StdioSessions {
  readonly handler: McpHandler
  close(): Promise<void>
}

interface Session {
  readonly grant: unknown
  usedAt: number
  handle(request: Request): Promise<Response>
  close(): Promise<void>
}

/**
 * Both sides are transports of the MCP SDK: what one of them receives the other one sends. The program gets `env`
 * and what every program needs, nothing else of this process.
 *
 * @throws {SettingsError} Where the SDK is not installed.
 */
export async function stdioSessions(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<StdioSessions> {
  const { StdioClientTransport, getDefaultEnvironment, WebTransport } = await loadSdk()
  const sessions = new Map<string, Session>()
  const all = new Set<Session>()

  async function start(grant: unknown): Promise<Session> {
    const program = new StdioClientTransport({
      command,
      args: [...args],
      env: { ...getDefaultEnvironment(), ...env },
      stderr: 'inherit',
    })
    const web = new WebTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, session),
    })
    const session: Session = {
      grant,
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

  async function makeRoom(grant: unknown): Promise<boolean> {
    const old = [...all].filter(({ usedAt }) => Date.now() - usedAt > ms.wrapIdle)
    await Promise.all(old.map((session) => session.close()))
    const own = [...all].filter((session) => session.grant === grant)
    return own.length < LIMITS.perGrant && all.size < LIMITS.all
  }

  return {
    async handler(request, auth) {
      const { grant } = auth.extra
      const id = request.headers.get('mcp-session-id')
      if (id !== null) {
        const session = sessions.get(id)
        // Somebody else's is as unknown as one that never was.
        if (session?.grant !== grant || session === undefined) return refuse(404, 'Session not found')
        session.usedAt = Date.now()
        return session.handle(request)
      }
      if (request.method !== 'POST') return refuse(400, 'Mcp-Session-Id is missing')
      if (!(await makeRoom(grant))) return refuse(503, 'Too many sessions')
      try {
        const session = await start(grant)
        const response = await session.handle(request)
        // Whatever it was, it began no session.
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
