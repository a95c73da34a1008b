import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { type Gate, walk } from './gate.ts'
import { missingClients, playInspector, playRemote } from './processes.ts'
import { check } from './program.ts'

/** A client itself: its own code goes the whole way, and we are only its user. */
export interface RealClient {
  readonly client: string
  /** Why it cannot run here. */
  readonly missing: string | undefined
  /** From nothing to a list of tools, and to another list with a renewed token. @throws {Error} */
  play(gate: Gate): Promise<void>
}

/** Clients that move the proxy's clock: each needs a gate of its own. */
export const REAL_CLIENTS: readonly RealClient[] = [
  {
    client: 'MCP SDK 1.x',
    missing: undefined,
    async play(gate) {
      const provider = new SignedInClient(walk)
      const { client } = await connectV1(gate.mcp, provider)
      await listTwice(gate, client, provider)
      await client.close()
    },
  },
  {
    client: 'MCP SDK 2.x',
    missing: undefined,
    async play(gate) {
      const provider = new SignedInClientV2(walk)
      const { client } = await connectV2(gate.mcp, provider)
      await listTwice(gate, client, provider)
      await client.close()
    },
  },
  { client: 'mcp-remote', missing: missingClients, play: playRemote },
  { client: 'MCP Inspector (command line)', missing: missingClients, play: playInspector },
]

async function listTwice(
  gate: Gate,
  client: { listTools(): Promise<{ tools: readonly unknown[] }> },
  provider: { saved: { refresh_token?: string | undefined } | undefined; authorizations: number },
): Promise<void> {
  check((await client.listTools()).tools.length > 5, 'the tools are listed')
  const before = provider.saved?.refresh_token
  gate.system.clock.ahead += 3601
  check((await client.listTools()).tools.length > 5, 'the tools are listed again')
  check(provider.saved?.refresh_token !== before, 'it refreshed its token')
  check(provider.authorizations === 1, 'nobody has to sign in a second time')
}
