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
const CODEX = below('./node_modules/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex')
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
export const missingCodex: string | undefined = existsSync(CODEX)
  ? undefined
  : 'the package of test/matrix for Linux on x64 (npm ci --prefix test/matrix --ignore-scripts)'
export const missingClaude = (): string | undefined =>
  existsSync(CLAUDE)
    ? missingTerminal
    : 'the package of test/matrix-large for Linux on x64 (npm ci --prefix test/matrix-large --ignore-scripts)'

const WORD = 'matrix-7291'
/** Of Gemini CLI and Qwen Code. */
const TOKENS = 'mcp-oauth-tokens.json'
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

/** Lets the stored tokens end by the client's own clock. */
async function age(file: string): Promise<void> {
  const kept = await readFile(file, 'utf8')
  const aged = kept.replace(/("expires_?[aA]t": ?)\d+/g, '$11')
  check(aged !== kept, 'the client keeps when its token ends')
  await writeFile(file, aged)
}

/**
 * Calls a tool, and again with a renewed token, once the first has run out.
 *
 * @param kept The file of its tokens, where the client goes by its own clock.
 */
async function callTwice(gate: Gate, client: string, call: () => Promise<Run>, kept?: string): Promise<void> {
  checkCall(await call(), client)
  const before = refreshes(gate)
  gate.system.clock.ahead += 3601
  if (kept !== undefined) await age(kept)
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
    await callTwice(gate, 'Gemini CLI', () => gemini(ASKED), join(home, '.gemini', TOKENS))
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
    await callTwice(gate, 'Qwen Code', call, join(home, '.qwen', TOKENS))
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
    await callTwice(gate, 'Claude Code', call)
  })

/** Signs in when the server is added, calls a tool, and calls it again once the token has run out. */
export const playCodex = (gate: Gate): Promise<void> =>
  inHomeWithModel(async (home, model) => {
    const settings = `
      model = "none"
      model_provider = "local"
      mcp_oauth_credentials_store = "file"
      [model_providers.local]
      name = "local"
      base_url = "${model.url}/v1"
      wire_api = "responses"
      env_key = "KEY_OF_NO_ACCOUNT"
    `
    await mkdir(join(home, '.codex'))
    await writeFile(join(home, '.codex/config.toml'), settings)
    const codex = (...args: readonly string[]) =>
      runClient([CODEX, ...args], home, { env: { KEY_OF_NO_ACCOUNT: 'none' }, hasNoInput: true })
    const { output, signedIn, status } = await codex('mcp', 'add', 'gate', '--url', gate.mcp)
    check(signedIn && status === 0, `Codex signs in:\n${output}`)
    const listed = await codex('mcp', 'list')
    check(/gate.*OAuth/.test(listed.output), `Codex keeps its tokens:\n${listed.output}`)
    const call = () =>
      codex('exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', ASKED)
    await callTwice(gate, 'Codex', call, join(home, '.codex/.credentials.json'))
  })
