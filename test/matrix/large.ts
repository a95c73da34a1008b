import { missingClaude, playClaudeCode } from './agents.ts'
import { installPython, playPython } from './python.ts'
import { GEMINI, QWEN, type RealClient, versionOf } from './real.ts'

const belowPath = (client: RealClient, place: RealClient['place'] = 'base path'): RealClient => ({
  ...client,
  client: `${client.client}, proxy below a path`,
  place,
})

/** Installs the clients that are too large for every change, and returns them with other long runs. */
export function largeClients(): readonly RealClient[] {
  const { missing, version } = installPython()
  const claude: RealClient = {
    client: 'Claude Code',
    version: versionOf('../matrix-large/node_modules/claude-code-linux-x64'),
    missing: missingClaude(),
    // Its document is on the internet, which tests do not ask.
    place: 'registration only',
    play: playClaudeCode,
  }
  const python: RealClient = { client: 'MCP SDK for Python', version, missing, play: playPython }
  return [
    claude,
    belowPath(claude, 'registration only, base path'),
    python,
    belowPath(python),
    belowPath(GEMINI),
    belowPath(QWEN),
  ]
}
