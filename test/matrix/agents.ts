/** Agents of the command line, with their own sign-in and their own MCP client. Only the model is a stand-in. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { locate } from '../runtimes/locate.ts'
import type { Gate } from './gate.ts'
import { type Model, startModel } from './model.ts'
import { refreshes } from './processes.ts'
import { check } from './program.ts'
import { inHome, type Run, type RunOptions, runClient } from './run-client.ts'

const below = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const GEMINI = below('./node_modules/@google/gemini-cli/bundle/gemini.js')
const QWEN = below('./node_modules/@qwen-code/qwen-code/cli-entry.js')
const CLAUDE = below('../matrix-large/node_modules/claude-code-linux-x64/claude')

const hasTerminal = (process.env.PATH ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'script')))
const missingTerminal = hasTerminal ? undefined : 'the program script of util-linux, which gives a terminal'

export const missingGemini: string | undefined = existsSync(GEMINI)
  ? undefined
  : 'the packages of test/matrix (npm ci --prefix test/matrix --ignore-scripts)'
export const missingQwen: string | undefined = !existsSync(QWEN)
  ? 'the packages of test/matrix (npm ci --prefix test/matrix --ignore-scripts)'
  : locate('node24') === undefined
    ? 'the packages of test/runtimes (npm ci --prefix test/runtimes --ignore-scripts)'
    : missingTerminal
export const missingClaude = (): string | undefined =>
  existsSync(CLAUDE)
    ? missingTerminal
    : 'the package of test/matrix-large for Linux on x64 (npm ci --prefix test/matrix-large --ignore-scripts)'

const WORD = 'matrix-7291'
const ASKED = 'Call the tool echo.'

const inHomeWithModel = (use: (home: string, model: Model) => Promise<void>): Promise<void> =>
  inHome(async (home) => {
    const model = await startModel(WORD)
    try {
      await use(home, model)
    } finally {
      model.close()
    }
  })

const isIssued = (gate: Gate): boolean => gate.system.events.some(({ type }) => type === 'issued')
const isForwarded = (gate: Gate): boolean => gate.system.events.some(({ type }) => type === 'forwarded')

const checkCall = ({ output, signedIn }: Run, client: string): void => {
  check(output.includes(`Echo: ${WORD}`), `${client} calls the tool:\n${output}`)
  check(!signedIn, `${client} needs no other sign-in`)
}

/** Lets a stored token end by the client's own clock. Both agents keep tokens in one form. */
async function age(home: string, folder: string): Promise<void> {
  const file = join(home, folder, 'mcp-oauth-tokens.json')
  const kept = JSON.parse(await readFile(file, 'utf8')) as { token: { expiresAt?: number } }[]
  check(kept[0]?.token.expiresAt, 'the client keeps when its token ends')
  const aged = kept.map((one) => ({ ...one, token: { ...one.token, expiresAt: 1 } }))
  await writeFile(file, JSON.stringify(aged))
}

/** Calls a tool, and again with a renewed token, once both clocks have passed the end of the first. */
async function callTwice(gate: Gate, home: string, folder: string, call: () => Promise<Run>, client: string) {
  checkCall(await call(), client)
  const before = refreshes(gate)
  gate.system.clock.ahead += 3601
  await age(home, folder)
  checkCall(await call(), client)
  check(refreshes(gate) > before, `${client} refreshed its token`)
}

/** Signs in by `/mcp auth`, calls a tool, and calls it again once the token has run out. */
export const playGemini = (gate: Gate): Promise<void> =>
  inHomeWithModel(async (home, model) => {
    const settings = {
      mcpServers: { gate: { httpUrl: gate.mcp, trust: true } },
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    }
    await mkdir(join(home, '.gemini'))
    await writeFile(join(home, '.gemini/settings.json'), JSON.stringify(settings))
    const env = { GEMINI_API_KEY: 'none', GOOGLE_GEMINI_BASE_URL: model.url }
    const gemini = (prompt: string, options: RunOptions = {}) =>
      runClient(
        [
          process.execPath,
          GEMINI,
          '--skip-trust',
          '--yolo',
          '--model',
          'gemini-2.5-flash',
          '--prompt',
          prompt,
        ],
        home,
        { env, ...options },
      )
    const { output, signedIn } = await gemini('/mcp auth gate', {
      typed: { after: '[Y/n]', keys: 'Y\n' },
      done: 'Successfully authenticated',
    })
    check(signedIn && output.includes('Successfully authenticated'), `Gemini CLI signs in:\n${output}`)
    await callTwice(gate, home, '.gemini', () => gemini(ASKED), 'Gemini CLI')
  })

/** Signs in when it starts, calls a tool, and calls it again once the token has run out. */
export const playQwen = (gate: Gate): Promise<void> =>
  inHomeWithModel(async (home, model) => {
    const settings = {
      mcpServers: { gate: { httpUrl: gate.mcp, trust: true, alwaysLoadTools: true } },
      security: { auth: { selectedType: 'openai' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    }
    await mkdir(join(home, '.qwen'))
    await writeFile(join(home, '.qwen/settings.json'), JSON.stringify(settings))
    const env = { OPENAI_API_KEY: 'none', OPENAI_MODEL: 'none', OPENAI_BASE_URL: `${model.url}/v1` }
    const command = [locate('node24')!, QWEN]
    const { output, signedIn } = await runClient(command, home, {
      env,
      isInTerminal: true,
      done: () => isForwarded(gate),
    })
    check(signedIn && isIssued(gate), `Qwen Code signs in:\n${output}`)
    const call = () => runClient([...command, '--yolo', '--prompt', ASKED], home, { env })
    await callTwice(gate, home, '.qwen', call, 'Qwen Code')
  })

/** Signs in by `claude mcp login`, calls a tool, and calls it again once the token has run out. */
export const playClaudeCode = (gate: Gate): Promise<void> =>
  inHomeWithModel(async (home, model) => {
    const env = {
      ANTHROPIC_API_KEY: 'none',
      ANTHROPIC_BASE_URL: model.url,
      DISABLE_AUTOUPDATER: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      // Else it looks for tools of MCP servers by a tool of its own.
      ENABLE_TOOL_SEARCH: 'false',
    }
    const claude = (args: readonly string[], isInTerminal = false) =>
      runClient([CLAUDE, ...args], home, { env, isInTerminal })
    const added = await claude(['mcp', 'add', '--transport', 'http', '--scope', 'user', 'gate', gate.mcp])
    check(added.status === 0, `Claude Code adds the server:\n${added.output}`)
    const { output, signedIn } = await claude(['mcp', 'login', 'gate'], true)
    check(signedIn && output.includes('Authenticated with "gate"'), `Claude Code signs in:\n${output}`)
    const listed = await claude(['mcp', 'list'])
    check(/gate.*Connected/.test(listed.output), `Claude Code connects:\n${listed.output}`)
    const call = () => claude(['--print', ASKED, '--allowedTools', 'mcp__gate__echo'])
    checkCall(await call(), 'Claude Code')
    const before = refreshes(gate)
    gate.system.clock.ahead += 3601
    checkCall(await call(), 'Claude Code')
    check(refreshes(gate) > before, 'Claude Code refreshed its token')
  })
