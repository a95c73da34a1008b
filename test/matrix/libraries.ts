import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SignedInClient } from '../support/client-v1.ts'
import { SignedInClientV2 } from '../support/client-v2.ts'
import { type Gate, walk } from './gate.ts'
import { check } from './program.ts'

const modules = fileURLToPath(new URL('./node_modules/', import.meta.url))

/** The packages that are missing for the clients that are libraries. */
export const missingLibraries: string | undefined = existsSync(`${modules}mcp-sdk-1.12`)
  ? undefined
  : 'the packages of test/matrix (npm ci --prefix test/matrix --ignore-scripts)'

/** The part of the SDKs' client that every version has. */
interface SdkClient {
  connect(transport: SdkTransport): Promise<void>
  listTools(): Promise<{ tools: readonly unknown[] }>
  close(): Promise<void>
}
interface SdkTransport {
  finishAuth(answer: string | URLSearchParams): Promise<void>
}
interface Sdk {
  readonly Client: new (about: { name: string; version: string }) => SdkClient
  readonly StreamableHTTPClientTransport: new (url: URL, options: { authProvider: unknown }) => SdkTransport
}

const load = async <T>(file: string): Promise<T> =>
  (await import(/* @vite-ignore */ pathToFileURL(modules + file).href)) as T

/** A client that names no authentication method, as the SDK's first examples did: it takes what it is told. */
class WithoutMethod extends SignedInClient {
  override readonly clientMetadata = {
    ...new SignedInClient(walk).clientMetadata,
    token_endpoint_auth_method: undefined as unknown as string,
  }
}

/** @param folder The alias of the version below `node_modules`. */
export async function playSdkV1(folder: string, gate: Gate, namesMethod = true): Promise<void> {
  const [client, transport] = await Promise.all([
    load<Sdk>(`${folder}/dist/esm/client/index.js`),
    load<Sdk>(`${folder}/dist/esm/client/streamableHttp.js`),
  ])
  const provider = namesMethod ? new SignedInClient(walk) : new WithoutMethod(walk)
  await comeAndGo(
    gate,
    { ...client, ...transport },
    provider,
    () => provider.answer!.searchParams.get('code')!,
  )
}

export async function playSdkV2(folder: string, gate: Gate): Promise<void> {
  const provider = new SignedInClientV2(walk)
  await comeAndGo(
    gate,
    await load<Sdk>(`${folder}/dist/index.mjs`),
    provider,
    () => provider.answer!.searchParams,
  )
}

/** Signs in, lists tools, and lists them again after the token has run out, without the user. */
async function comeAndGo(
  gate: Gate,
  { Client, StreamableHTTPClientTransport }: Sdk,
  provider: SignedInClient | SignedInClientV2,
  answerOf: () => string | URLSearchParams,
): Promise<void> {
  const open = () => new StreamableHTTPClientTransport(new URL(gate.mcp), { authProvider: provider })
  const about = { name: 'test', version: '1.0.0' }
  const first = open()
  await new Client(about).connect(first).then(
    () => check(false, 'a stranger has to sign in'),
    (error: unknown) => {
      if (provider.answer === undefined) throw error
    },
  )
  await first.finishAuth(answerOf())
  const client = new Client(about)
  await client.connect(open())
  await listTwice(gate, async () => (await client.listTools()).tools.length, provider)
  await client.close()
}

/** The client of the AI SDK, which has an OAuth of its own. */
export async function playAiSdk(gate: Gate): Promise<void> {
  interface AiClient {
    tools(): Promise<Record<string, unknown>>
    close(): Promise<void>
  }
  const { createMCPClient, auth } = await load<{
    createMCPClient(config: unknown): Promise<AiClient>
    auth(provider: unknown, options: Record<string, unknown>): Promise<string>
  }>('@ai-sdk/mcp/dist/index.js')
  const provider = new SignedInClient(walk)
  const connect = () =>
    createMCPClient({ transport: { type: 'http', url: gate.mcp, authProvider: provider } })
  await connect().then(
    () => check(false, 'a stranger has to sign in'),
    (error: unknown) => {
      if (provider.answer === undefined) throw error
    },
  )
  const { searchParams } = provider.answer!
  const done = await auth(provider, {
    serverUrl: gate.mcp,
    authorizationCode: searchParams.get('code'),
    callbackState: searchParams.get('state'),
    callbackIssuer: searchParams.get('iss'),
  })
  check(done === 'AUTHORIZED', 'the code is exchanged')
  const client = await connect()
  await listTwice(gate, async () => Object.keys(await client.tools()).length, provider)
  await client.close()
}

export async function listTwice(
  gate: Gate,
  count: () => Promise<number>,
  provider: { saved: { refresh_token?: string | undefined } | undefined; authorizations: number },
): Promise<void> {
  check((await count()) > 5, 'the tools are listed')
  const before = provider.saved?.refresh_token
  gate.system.clock.ahead += 3601
  check((await count()) > 5, 'the tools are listed again')
  check(provider.saved?.refresh_token !== before, 'it refreshed its token')
  check(provider.authorizations === 1, 'no second sign-in is needed')
}
