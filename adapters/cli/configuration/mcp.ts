import type { McpHandler, McpOptions, ProxyOptions } from '../../../src/index.ts'
import { isTable } from '../../../src/internal.ts'
import { SettingsError, toWord, type Variables } from './environment.ts'

const MODES = ['identity', 'upstream-token', 'nothing'] as const satisfies readonly McpOptions['forward'][]

/** The variable of each member that variables set. */
const VARIABLES = {
  url: 'LOCKGATE_MCP',
  path: 'LOCKGATE_MCP_PATH',
  forward: 'LOCKGATE_MCP_FORWARD',
} as const

type Member = keyof typeof VARIABLES
type Members = Readonly<Record<string, unknown>>

/** The places that say what to protect, besides the variables. */
export interface McpSources {
  /** `mcp` of the config file. */
  readonly given: ProxyOptions['mcp'] | undefined
  /** The name of the config file. */
  readonly file: string | undefined
  /** The program of `wrap`. It takes the place of an address. */
  readonly program: McpHandler | undefined
  /** Accepts that there is no server. */
  readonly isOptional: boolean
}

/** What to protect, and the origins of the members that variables set. */
export interface ChosenMcp {
  readonly mcp: ProxyOptions['mcp']
  readonly origins: readonly (readonly [path: string, origin: string])[]
}

/** Stands for a server where none is needed. */
const NO_SERVER: McpHandler = () => new Response()

/**
 * Returns the MCP server of the variables and the config file. A variable replaces its own member of the file's entry, and
 * the program of `wrap` takes the place of the address. All other members stay, because some of them are rules.
 *
 * @throws {SettingsError} If there is no server, or if it is not clear which entry of the file is meant.
 */
export function readMcp({ get, from }: Variables, sources: McpSources): ChosenMcp {
  const { given, file, program, isOptional } = sources
  const isSet = (member: Member) => !(program && member === 'url') && get(VARIABLES[member]) !== undefined
  const members = (Object.keys(VARIABLES) as Member[]).filter(isSet)
  const originOf = (member: Member) => from(VARIABLES[member])!
  if (Array.isArray(given) && given.length > 1) {
    if (program) throw new SettingsError(`${file}: mcp: ${SEVERAL}`)
    if (members.length === 0) return { mcp: given, origins: [] }
    throw new SettingsError(
      `${originOf(members[0]!)}: the config file has several MCP servers; set it there for one of them`,
    )
  }
  const entry = entryOf(given)
  // The check of the options says what is wrong with it.
  if (entry === undefined) return { mcp: given!, origins: [] }
  if (program) refuseForProgram(entry, typeof given === 'object' ? `${file}: mcp.` : `${file}: mcp`)
  const set = Object.fromEntries(members.map((member) => [member, setting(member)]))

  function setting(member: Member): string {
    const [text, origin] = [get(VARIABLES[member])!, originOf(member)]
    if (member === 'forward' && program) throw new SettingsError(`${origin}: ${NOT_FOR_PROGRAM.forward}`)
    if (member === 'forward') return toWord(text, MODES, origin)
    if (member === 'url' && /,\s*https?:/i.test(text))
      throw new SettingsError(
        `${origin}: names several servers; list them as \`mcp\` in a config file, each with its rules`,
      )
    if (member === 'url' && entry?.external !== undefined)
      throw new SettingsError(
        `${origin}: \`mcp\` of ${file} is an external server, which has no address; remove one of the two`,
      )
    return text
  }

  const merged = merge(entry, set, program)
  if (['url', 'handler', 'external'].every((name) => merged[name] === undefined)) {
    if (!isOptional)
      throw new SettingsError(
        'LOCKGATE_MCP: is missing; give the URL of the MCP server to protect here or with --mcp',
      )
    merged.handler = NO_SERVER
  }
  const isPlain = typeof merged.url === 'string' && Object.keys(merged).length === 1
  const mcp = isPlain ? merged.url : Array.isArray(given) ? [merged] : merged
  // Of an entry of the file only the members that are replaced have another origin than the file.
  const keeps = given !== undefined && !isPlain
  const at = Array.isArray(given) ? 'mcp.0' : 'mcp'
  const origins = members.map((member) => [keeps ? `${at}.${member}` : 'mcp', originOf(member)] as const)
  return { mcp: mcp as ProxyOptions['mcp'], origins: keeps ? origins : origins.slice(0, 1) }
}

const SEVERAL =
  'has several servers, but wrap serves one program: keep the entry whose options are for the program, or name another file with --config'

const ELSEWHERE =
  'is another server than the program that wrap serves: remove it and keep the other options, or run serve'

/** The members that an entry for a program cannot have, with what is wrong. */
const NOT_FOR_PROGRAM: Readonly<Record<string, string>> = {
  url: ELSEWHERE,
  handler: ELSEWHERE,
  external: ELSEWHERE,
  resource: ELSEWHERE,
  ...Object.fromEntries(
    ['forward', 'identity', 'upstreamToken'].map((name) => [
      name,
      'is not for the program of wrap, which gets nothing about the user: remove it',
    ]),
  ),
}

/** @param prefix The place of the entry: with a dot at its end if it has members. */
function refuseForProgram(entry: Members, prefix: string): void {
  const problems = Object.entries(NOT_FOR_PROGRAM)
    .filter(([name]) => entry[name] !== undefined)
    .map(([name, problem]) => `${prefix}${prefix.endsWith('.') ? name : ''}: ${problem}`)
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
}

/** Returns the only entry of `mcp` as an object, or `undefined` if it is none. */
function entryOf(given: unknown): Members | undefined {
  if (given === undefined) return {}
  if (typeof given === 'string') return { url: given }
  if (typeof given === 'function') return { handler: given }
  const one = Array.isArray(given) ? given[0] : given
  return isTable(one) ? one : undefined
}

function merge(entry: Members, set: Members, program: McpHandler | undefined): Record<string, unknown> {
  const { handler, ...others } = entry
  const own = program ?? (set.url === undefined ? handler : undefined)
  return { ...others, ...set, ...(own !== undefined && { handler: own }) }
}
