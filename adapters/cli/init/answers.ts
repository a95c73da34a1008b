import { isLoopbackUrl as isLoopback, parseUrl } from '../../../src/internal.ts'
import type { Input, ProviderFactory } from '../../../src/providers/define.ts'
import {
  issuerOf,
  KNOWN_ISSUERS,
  knownIssuer,
  namesClient,
  OTHER_NAMES,
} from '../configuration/known-issuers.ts'
import { MCP_CLIENTS, type McpClientName } from '../configuration/mcp-clients.ts'
import { PROVIDERS } from '../configuration/providers.ts'
import { ruleProblem } from './rules.ts'

/** Where the proxy is to run, with the storage it has there unless told otherwise. */
export const RUNTIMES = {
  node: { title: 'Node, with npx lockgate serve and a config file', storage: 'fs:.lockgate/data' },
  environment: { title: 'Node, with npx lockgate serve and variables only', storage: 'fs:.lockgate/data' },
  bun: { title: 'Bun, with a server file of your own', storage: 'fs:.lockgate/data' },
  deno: { title: 'Deno, with a server file of your own', storage: 'deno-kv:' },
  workers: { title: 'Cloudflare Workers', storage: 'durable-object' },
} as const

export type Runtime = keyof typeof RUNTIMES

/** Everything that `init` has to know. */
export interface Answers {
  readonly provider: string
  readonly definition: ProviderFactory['definition']
  /** What the provider needs beside id and secret, by the name of the input. */
  readonly inputs: Readonly<Record<string, string>>
  readonly clientId: string
  readonly clientSecret: string
  readonly url: string
  readonly mcp: string
  readonly allow: string
  readonly runtime: Runtime
  readonly storage: string
  readonly client: McpClientName
}

/** What was given so far, by flag; the inputs of a provider among it. */
export type Given = Readonly<Record<string, string | undefined>>

/** `baseUrl` → `base-url` */
export const flagOf = (input: string): string =>
  input.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

export type DefinitionOf = (provider: string | undefined) => Promise<Answers['definition'] | undefined>

/** The providers that `init` knows: those with a definition, and those that need only `oidc` and an issuer. */
export const KNOWN: Readonly<Record<string, unknown>> = { ...PROVIDERS, ...KNOWN_ISSUERS }

export const definitionOf: DefinitionOf = async (provider) => {
  const known = knownIssuer(provider)
  if (known !== undefined) {
    const { definition } = await PROVIDERS.oidc!()
    return { ...definition, name: known.name, docs: known.docs, inputs: known.inputs }
  }
  return provider !== undefined && Object.hasOwn(PROVIDERS, provider)
    ? (await PROVIDERS[provider]!()).definition
    : undefined
}

/** The inputs of a provider that a text can give. */
export const inputsOf = (definition: Answers['definition'] | undefined): [string, Input][] =>
  Object.entries((definition?.inputs ?? {}) as Record<string, Input>).filter(([, input]) => !input.inCodeOnly)

const httpUrl = (text: string) => /^https?:$/.test(parseUrl(text)?.protocol ?? '')
const publicUrl = (text: string) => httpUrl(text) && (text.startsWith('https:') || isLoopback(text))

/** What is wrong with one answer, or `undefined`: the same for flags and for questions. */
export const CHECKS: Readonly<Record<string, (text: string) => string | undefined>> = {
  provider: (text) =>
    Object.hasOwn(KNOWN, text)
      ? undefined
      : OTHER_NAMES[text]
        ? `did you mean ${OTHER_NAMES[text]}?`
        : `expected one of ${Object.keys(KNOWN).join(', ')}`,
  url: (text) => (publicUrl(text) ? undefined : 'expected an https URL, or http on localhost'),
  mcp: (text) => (httpUrl(text) ? undefined : 'expected the http(s) URL of the MCP server to protect'),
  allow: (text) => ruleProblem(text),
  runtime: (text) => oneOf(text, RUNTIMES),
  client: (text) => oneOf(text, MCP_CLIENTS),
}

const oneOf = (text: string, table: object): string | undefined =>
  Object.hasOwn(table, text) ? undefined : `expected one of ${Object.keys(table).join(', ')}`

/** What is wrong with the value of a provider's input. */
export function checkInput(input: Input, text: string): string | undefined {
  try {
    input.read(text)
    return undefined
  } catch (error) {
    return error instanceof TypeError ? error.message : 'is wrong'
  }
}

const EVERYWHERE = ['memory:', 'fs:', 'sqlite:', 'redis:', 'rediss:', 'postgres:', 'postgresql:']

/** The storages that a runtime has, by what stands before the colon. */
const STORAGES: Readonly<Record<Runtime, readonly string[]>> = {
  node: [...EVERYWHERE, 'deno-kv:', 'unstorage:'],
  environment: [...EVERYWHERE, 'deno-kv:', 'unstorage:'],
  bun: EVERYWHERE,
  deno: [...EVERYWHERE, 'deno-kv:'],
  workers: ['durable-object'],
}

const fits = (storage: string, known: readonly string[]): boolean =>
  known.some((one) => (one.endsWith(':') ? storage.startsWith(one) : storage === one))

/** Further stores of a runtime, which need a change of its file by hand. */
const BY_HAND: Readonly<Partial<Record<Runtime, string>>> = {
  workers:
    ', which is all that init writes; for Workers KV, write cloudflareKv of lockgate/storage/cloudflare-kv into the Worker by hand',
}

/** @returns The answers, or what is missing or wrong, a line for each flag. */
export async function readAnswers(given: Given): Promise<Answers | string[]> {
  const problems: string[] = []
  const definition = await definitionOf(given.provider)
  const filled: Given = { url: 'http://localhost:8787', runtime: 'node', client: 'claude-code', ...given }
  for (const [flag, check] of Object.entries(CHECKS)) {
    const problem = check(filled[flag] ?? '')
    if (problem) problems.push(`--${flag}: ${filled[flag] ? '' : 'is missing; '}${problem}`)
  }
  const inputs: Record<string, string> = {}
  for (const [name, input] of inputsOf(definition)) {
    const text = given[flagOf(name)]
    const problem = text || input.required ? checkInput(input, text ?? '') : undefined
    if (problem) problems.push(`--${flagOf(name)}: ${text ? '' : 'is missing; '}${problem}`)
    else if (text) inputs[name] = text
  }
  const known = knownIssuer(given.provider)
  if (known && namesClient(known) && !given['client-id'])
    problems.push(`--client-id: is missing; it is part of the issuer of ${known.name}`)
  const runtime = filled.runtime as Runtime
  const storage = given.storage ?? RUNTIMES[runtime]?.storage
  const stores = STORAGES[runtime]
  if (storage && stores && !fits(storage, stores)) {
    const [usual, all] = [RUNTIMES[runtime].storage, stores.join(', ')]
    const others = stores.length > 1 ? `; expected one of ${all}` : (BY_HAND[runtime] ?? '')
    problems.push(`--storage: cannot be used there; the usual one is ${usual}${others}`)
  }
  if (problems.length > 0) return problems
  const clientId = given['client-id'] ?? ''
  const chosen = known
    ? await asOidc(known.name, known.docs, issuerOf(known, inputs, clientId))
    : { provider: given.provider!, definition: definition!, inputs }
  return {
    ...chosen,
    clientId,
    clientSecret: given['client-secret'] ?? '',
    url: filled.url!.replace(/\/+$/, ''),
    mcp: given.mcp!,
    allow: given.allow ?? '',
    runtime,
    storage: storage!,
    client: filled.client as McpClientName,
  }
}

/** A provider that needs only `oidc` and its issuer, under its own name. */
async function asOidc(
  name: string,
  docs: string,
  issuer: string,
): Promise<Pick<Answers, 'provider' | 'definition' | 'inputs'>> {
  const { definition } = await PROVIDERS.oidc!()
  return { provider: 'oidc', definition: { ...definition, name, docs }, inputs: { issuer, name } }
}
