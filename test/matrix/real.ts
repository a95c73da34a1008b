import { readFileSync } from 'node:fs'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { missingCodex, missingGemini, missingQwen, playCodex, playGemini, playQwen } from './agents.ts'
import { type Gate, type Place, walk } from './gate.ts'
import { listTwice, missingLibraries, playAiSdk, playSdkV1, playSdkV2 } from './libraries.ts'
import {
  missingClients,
  missingOpenCode,
  playInspector,
  playMcporter,
  playOpenCode,
  playRemote,
} from './processes.ts'
import { missingForPages, playUseMcp } from './use-mcp.ts'

/** A client itself: its own code goes the whole way, and we are only its user. */
export interface RealClient {
  readonly client: string
  readonly version: string
  /** Why it cannot run here. */
  readonly missing: string | undefined
  /** `false` if it renews tokens by its own clock alone, which the tests cannot move. */
  readonly refreshes?: false
  /** The kind of proxy that it meets. Default: `origin`. */
  readonly place?: Place
  /** From nothing to a list of tools, and to another list with a renewed token. @throws {Error} */
  play(gate: Gate): Promise<void>
}

/** Returns the installed version of a package. */
export function versionOf(folder: string): string {
  try {
    const text = readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  } catch {
    return '(not installed)'
  }
}

const ours = (name: string) => versionOf(`../../node_modules/@modelcontextprotocol/${name}`)
const pinned = (name: string) => versionOf(`./node_modules/${name}`)

const sdkV1 = (folder: string, options: { client?: string; namesMethod?: boolean } = {}): RealClient => ({
  client: options.client ?? 'MCP SDK 1.x',
  version: pinned(folder),
  missing: missingLibraries,
  play: (gate) => playSdkV1(folder, gate, options.namesMethod),
})

export const GEMINI: RealClient = {
  client: 'Gemini CLI',
  version: pinned('@google/gemini-cli'),
  missing: missingGemini,
  play: playGemini,
}

export const QWEN: RealClient = {
  client: 'Qwen Code',
  version: pinned('@qwen-code/qwen-code'),
  missing: missingQwen,
  play: playQwen,
}

/** Clients that move the proxy's clock: each needs a gate of its own. */
export const REAL_CLIENTS: readonly RealClient[] = [
  sdkV1('mcp-sdk-1.12'),
  sdkV1('mcp-sdk-1.12', { client: 'MCP SDK 1.x without a method', namesMethod: false }),
  sdkV1('mcp-sdk-1.17'),
  sdkV1('mcp-sdk-1.20'),
  sdkV1('mcp-sdk-1.25'),
  sdkV1('mcp-sdk-1.29'),
  {
    client: 'MCP SDK 1.x',
    version: ours('sdk'),
    missing: undefined,
    async play(gate) {
      const provider = new SignedInClient(walk)
      const { client } = await connectV1(gate.mcp, provider)
      await listTwice(gate, async () => (await client.listTools()).tools.length, provider)
      await client.close()
    },
  },
  {
    client: 'MCP SDK 2.x',
    version: pinned('mcp-client-2.0'),
    missing: missingLibraries,
    play: (gate) => playSdkV2('mcp-client-2.0', gate),
  },
  {
    client: 'MCP SDK 2.x',
    version: ours('client'),
    missing: undefined,
    async play(gate) {
      const provider = new SignedInClientV2(walk)
      const { client } = await connectV2(gate.mcp, provider)
      await listTwice(gate, async () => (await client.listTools()).tools.length, provider)
      await client.close()
    },
  },
  { client: 'AI SDK', version: pinned('@ai-sdk/mcp'), missing: missingLibraries, play: playAiSdk },
  {
    client: 'mcp-remote',
    version: pinned('mcp-remote-0.1.29'),
    missing: missingLibraries ?? missingClients,
    play: (gate) => playRemote(gate, 'mcp-remote-0.1.29'),
  },
  {
    client: 'mcp-remote',
    version: pinned('mcp-remote'),
    missing: missingClients,
    play: (gate) => playRemote(gate),
  },
  {
    client: 'MCP Inspector (command line)',
    version: pinned('@modelcontextprotocol/inspector'),
    missing: missingClients,
    play: playInspector,
  },
  {
    client: 'mcporter',
    version: pinned('mcporter'),
    missing: missingLibraries ?? missingClients,
    refreshes: false,
    play: playMcporter,
  },
  {
    client: 'OpenCode',
    version: pinned('opencode-linux-x64'),
    missing: missingOpenCode,
    play: playOpenCode,
  },
  {
    client: 'Codex',
    version: pinned('codex-linux-x64'),
    missing: missingCodex,
    // Its document is on the internet, which tests do not ask.
    place: 'registration only',
    play: playCodex,
  },
  GEMINI,
  QWEN,
  {
    client: 'use-mcp (a page in Chromium)',
    version: pinned('use-mcp'),
    missing: missingForPages,
    play: playUseMcp,
  },
]

const REPLAYED = 'its requests are replayed above'

/** Known clients that are not run, with the reason. */
export const NOT_RUN: readonly (readonly [client: string, reason: string])[] = [
  ['Claude (claude.ai, Desktop, mobile)', `a hosted service that needs an account; ${REPLAYED}`],
  ['ChatGPT', `a hosted service that needs an account; ${REPLAYED}`],
  ['Copilot Studio', `a hosted service that needs an account; ${REPLAYED}`],
  ['VS Code', `a desktop program that is not on npm; ${REPLAYED}`],
  ['Cursor', `a desktop program that is not on npm; ${REPLAYED}`],
]
