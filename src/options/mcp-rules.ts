import * as v from 'valibot'
import type { McpCall } from '../protocol/mcp-call.ts'
import { compileRules, type McpRules, type Needs, type RuleTable } from '../protocol/mcp-rules.ts'
import { compilePatterns } from '../protocol/patterns.ts'
import type { PublicTable } from '../protocol/public-messages.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import { compileUris } from '../protocol/uri-table.ts'
import { byKind, choice, flag, hook, isTable, listOf, shape, text, whole } from '../validation/shape.ts'
import type { Auth } from './auth.ts'
import type { Report } from './report.ts'
import { checkScopes, scopeName } from './scopes.ts'

/**
 * The scopes that an action needs in addition to those of its server, by the pattern of its name. `*` in a pattern stands
 * for any characters, and the most specific pattern decides. `deny` refuses the action to everyone.
 */
export type ScopeRules = Readonly<Record<string, string | readonly string[]>>

/** Decides about one action. See {@link McpRuleOptions.authorize}. */
export type AuthorizeCall = (call: McpCall, auth: Auth) => boolean | Promise<boolean>

/** What anyone may do without a token. */
export interface PublicOptions {
  /** The tools, by name or pattern. */
  tools?: readonly string[] | undefined
  /** The prompts, by name or pattern. */
  prompts?: readonly string[] | undefined
  /** The resources, by URI or pattern. */
  resources?: readonly string[] | undefined
  /**
   * The methods that name no tool, prompt or resource.
   *
   * @default ['initialize', 'notifications/*', 'ping', 'server/discover', 'tools/list', 'logging/setLevel']
   */
  methods?: readonly string[] | undefined
  /**
   * The entries of lists that a caller without a token sees: `all`, so that people see what they can sign in for, or
   * `public`.
   *
   * @default 'all'
   */
  list?: 'all' | 'public' | undefined
  /**
   * The treatment of a session that began without a token and continues with one. `refuse` answers with 404.
   *
   * @default 'allow'
   */
  upgrade?: 'allow' | 'refuse' | undefined
}

/** A record of each action, for audits. See {@link McpRuleOptions.audit}. */
export interface AuditOptions {
  /** Returns what the event says about the arguments of a call. Without it, events contain no arguments. */
  arguments?: ((call: McpCall) => string | undefined) | undefined
}

/** Options that need the body of each request. Without them every body is a stream that Lockgate does not read. */
export interface McpRuleOptions {
  /** The scopes that tools need. */
  tools?: ScopeRules | undefined
  /** The scopes that prompts need. */
  prompts?: ScopeRules | undefined
  /** The scopes that resources need, by URI. */
  resources?: ScopeRules | undefined
  /**
   * The scopes that methods need. The pattern `*` alone is for methods that no revision of MCP defines: `deny` then refuses
   * extensions.
   */
  methods?: ScopeRules | undefined
  /**
   * The response to an action whose scope is missing: a challenge that clients act on, or an error as for a tool that does
   * not exist.
   *
   * @default 'challenge'
   */
  onDenied?: 'challenge' | 'unknown' | undefined
  /**
   * The entries of lists: `all`, or those that the token permits. A client never asks for the scope of a hidden tool.
   *
   * @default 'all'
   */
  list?: 'all' | 'granted' | undefined
  /** What anyone may do without a token. Everything else needs one. */
  public?: PublicOptions | undefined
  /**
   * Decides what scopes cannot express, for each action that the scopes permit. `false` refuses it, and so does an
   * `OAuthError`, whose message the client receives.
   */
  authorize?: AuthorizeCall | undefined
  /** Emits a `called` event for each action, after its response. */
  audit?: boolean | AuditOptions | undefined
  /**
   * The largest body that is read for the rules, in bytes. A server without rules gets bodies of any size.
   *
   * @default 1048576
   */
  maxBody?: number | undefined
}

const isNeeds = (value: unknown): value is string | readonly string[] =>
  // A list with a hole must not pass as a shorter one.
  (Array.isArray(value) ? Array.from(value) : [value]).every((scope) => v.is(scopeName, scope))

const UNDEFINED = 'is present but `undefined`: remove it, or write a scope, a list of scopes, or `deny`'

/** Not `v.record`, which drops names such as `constructor`: a tool may have one, and its rule must not be lost. */
const rules = v.pipe(
  v.custom<ScopeRules>(isTable, "expected an object such as { 'delete_*': 'write' }"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const input = dataset.value as Record<string, unknown>
    for (const [key, value] of Object.entries(input)) {
      if (isNeeds(value)) continue
      // A rule that vanished would leave the name to a wider one.
      const message = value === undefined ? UNDEFINED : 'expected a scope, a list of scopes, or `deny`'
      const path: [v.ObjectPathItem] = [{ type: 'object', origin: 'value', input, key, value }]
      addIssue({ message, path })
    }
  }),
)

const names = listOf(text)

/** One schema for each option that every server may have. */
export const mcpRuleEntries: {
  readonly [Name in keyof McpRuleOptions]-?: v.GenericSchema<McpRuleOptions[Name]>
} = {
  tools: v.optional(rules),
  prompts: v.optional(rules),
  resources: v.optional(rules),
  methods: v.optional(rules),
  onDenied: v.optional(choice('challenge', 'unknown')),
  list: v.optional(choice('all', 'granted')),
  public: v.optional(
    shape({
      tools: v.optional(names),
      prompts: v.optional(names),
      resources: v.optional(names),
      methods: v.optional(names),
      list: v.optional(choice('all', 'public')),
      upgrade: v.optional(choice('allow', 'refuse')),
    }),
  ),
  authorize: v.optional(hook<AuthorizeCall>()),
  audit: v.optional(
    byKind<boolean | AuditOptions>(
      {
        boolean: flag,
        object: shape({ arguments: v.optional(hook<NonNullable<AuditOptions['arguments']>>()) }),
      },
      'expected true, false or { arguments }',
    ),
  ),
  maxBody: v.optional(whole(1024)),
}

/** Returns the values of these options among others, for a server that can have none of them. */
export const ruleValues = (options: object): unknown[] =>
  Object.entries(options)
    .filter(([name]) => Object.hasOwn(mcpRuleEntries, name))
    .map(([, value]) => value)

/** What anyone may do, ready for use. */
export interface PublicRules extends PublicTable {
  readonly listsAll: boolean
  readonly upgrades: boolean
}

/** The settings of a server whose bodies are read. */
export interface InspectionSettings {
  readonly rules: McpRules
  readonly hidesDenied: boolean
  readonly listsGranted: boolean
  /** `true` if notifications about resources have to be filtered, because resources have rules. */
  readonly hasResourceRules: boolean
  readonly public: PublicRules | undefined
  readonly authorize: AuthorizeCall | undefined
  readonly audit: AuditOptions | undefined
  readonly limit: number
  /** The methods that rules name, each with its place in the options. */
  readonly methodNames: readonly (readonly [place: string, name: string])[]
}

const PUBLIC_METHODS = 'initialize notifications/* ping server/discover tools/list logging/setLevel'.split(
  ' ',
)

const LIMIT = 1_048_576

/** Returns the settings, or `undefined` if no option needs the body. */
export function settleMcpRules(
  at: string,
  options: McpRuleOptions,
  { scopes, offered }: { readonly scopes: ScopeTable; readonly offered: readonly string[] },
  report: Report,
): InspectionSettings | undefined {
  const { tools, prompts, resources, methods, authorize, audit } = options
  const table: Record<string, Record<string, Needs>> = {}
  for (const [kind, own] of Object.entries({ tools, prompts, resources, methods })) {
    if (!own) continue
    table[kind] = Object.fromEntries(Object.entries(own).map(([name, needs]) => [name, toNeeds(needs)]))
    for (const [name, needs] of Object.entries(table[kind])) {
      if (needs === 'deny') continue
      const path = `${at}.${kind}.${name}`
      checkScopes(path, needs, scopes, report)
      if (needs.some((scope) => Object.hasOwn(scopes, scope) && !offered.includes(scope))) {
        report(path, 'names a scope that no provider of this server can give', 'scopes')
      }
    }
  }
  const isOn = Object.keys(table).length > 0 || options.public || authorize || audit
  if (!isOn) return undefined
  return {
    rules: compileRules(table as RuleTable),
    hidesDenied: options.onDenied === 'unknown',
    listsGranted: options.list === 'granted',
    hasResourceRules: resources !== undefined,
    public: options.public && settlePublic(options.public),
    authorize,
    audit: audit ? (audit === true ? {} : audit) : undefined,
    limit: options.maxBody ?? LIMIT,
    methodNames: [
      ...Object.keys(table.methods ?? {}).map((name) => ['methods', name] as const),
      ...(options.public?.methods ?? []).map((name) => ['public.methods', name] as const),
    ],
  }
}

const toNeeds = (needs: string | readonly string[]): Needs =>
  needs === 'deny' ? 'deny' : typeof needs === 'string' ? [needs] : needs

function settlePublic(options: PublicOptions): PublicRules {
  return {
    tools: compilePatterns(tableOf(options.tools)),
    prompts: compilePatterns(tableOf(options.prompts)),
    resources: compileUris(tableOf(options.resources), () => true),
    methods: compilePatterns(tableOf(options.methods ?? PUBLIC_METHODS)),
    listsAll: options.list !== 'public',
    upgrades: options.upgrade !== 'refuse',
  }
}

const tableOf = (patterns: readonly string[] = []): Record<string, true> =>
  Object.fromEntries(patterns.map((pattern) => [pattern, true]))
