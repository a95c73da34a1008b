import * as v from 'valibot'
import { ConfigError, type ConfigIssue } from '../errors.ts'
import type { Listener } from '../events/event.ts'
import type { Metrics } from '../events/metrics.ts'
import { TextsSchema } from '../pages/texts.ts'
import { ThemeSchema } from '../pages/theme.ts'
import type { Store } from '../ports.ts'
import { ALLOW_RULE } from '../protocol/allow.ts'
import { isHttps } from '../providers/parts/https.ts'
import { ApiKeySchema, type VerifyApiKey } from './api-keys.ts'
import type { McpHandler } from './auth.ts'
import { ClientSchema } from './clients.ts'
import { DiscoverySchema } from './discovery.ts'
import { FetchSchema } from './fetch.ts'
import { type Limits, LimitsSchema } from './limits.ts'
import type { McpOptions, ProxyOptions } from './options.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { ScopesSchema, scopeName } from './scopes.ts'
import { UpstreamSchema } from './upstream.ts'

const DAY = 24 * 60 * 60

const text = v.pipe(v.string(), v.minLength(1))
const seconds = v.pipe(v.number(), v.integer(), v.minValue(1))
const secondsOrZero = v.pipe(v.number(), v.integer(), v.minValue(0))
const isFunction = (input: unknown): boolean => typeof input === 'function'
const hasMembers = (input: unknown, names: readonly string[]): boolean =>
  typeof input === 'object' && input !== null && names.every((name) => name in input)

const publicUrl = v.pipe(
  v.string(),
  v.check(isHttps, 'expected an https URL without query (http only on localhost, 127.0.0.1 or [::1])'),
)
const targetUrl = v.pipe(
  v.string(),
  v.check(
    (input) => URL.canParse(input) && /^https?:$/.test(new URL(input).protocol),
    'expected an http(s) URL',
  ),
)
const path = v.pipe(
  v.string(),
  v.regex(/^\/([\w.~-]+(\/[\w.~-]+)*)?$/, 'expected a path such as /mcp, without trailing slash'),
)
const SECRET_RULE = 'expected at least 32 characters of randomness; `lockgate secret` makes them'
const secret = v.pipe(v.string(), v.minLength(32, SECRET_RULE))
const handler = v.custom<McpHandler>(isFunction, 'expected a function')

const Mcp: v.GenericSchema<McpOptions> = v.pipe(
  v.strictObject({
    path: v.exactOptional(path),
    url: v.exactOptional(targetUrl),
    handler: v.exactOptional(handler),
    name: v.exactOptional(text),
    scopes: v.exactOptional(v.array(scopeName)),
    upstream: v.exactOptional(v.union([text, v.pipe(v.array(text), v.minLength(1))])),
    forward: v.exactOptional(v.picklist(['identity', 'upstream-token', 'nothing'])),
  }),
  v.check(
    (input) => (input.url === undefined) !== (input.handler === undefined),
    'expected either url or handler',
  ),
)

/** Every option with its check and its default. */
const OPTIONS = {
  url: publicUrl,
  secret: v.union([secret, v.pipe(v.array(secret), v.minLength(1))], SECRET_RULE),
  dangerouslyAllowWeakSecret: v.exactOptional(v.boolean(), false),
  upstream: UpstreamSchema as v.GenericSchema<ProxyOptions['upstream']>,
  storage: v.custom<Store>(
    (input) => hasMembers(input, ['get', 'set', 'swap', 'delete', 'keys']),
    'expected a store',
  ),
  mcp: v.union(
    [targetUrl, handler, Mcp, v.pipe(v.array(Mcp), v.minLength(1))],
    'expected an http(s) URL, a function, or { path, url | handler, … }',
  ),
  allow: v.exactOptional(
    v.union(
      [
        v.pipe(v.array(v.pipe(text, v.regex(ALLOW_RULE))), v.minLength(1)),
        v.custom<Extract<ProxyOptions['allow'], (...args: never[]) => unknown>>(isFunction),
      ],
      'expected a list of user@example.com, @example.com, org:x, team:x/y, group:x or sub:x, or a function',
    ),
  ),
  name: v.exactOptional(v.pipe(text, v.maxLength(100))),
  theme: v.exactOptional(ThemeSchema),
  texts: v.exactOptional(TextsSchema),
  account: v.exactOptional(v.boolean(), true),
  scopes: v.exactOptional(ScopesSchema, { mcp: 'Use the tools of this server' }),
  clients: v.exactOptional(v.array(ClientSchema), []),
  apiKeys: v.exactOptional(v.array(ApiKeySchema), []),
  verifyApiKey: v.exactOptional(v.custom<VerifyApiKey>(isFunction, 'expected a function')),
  dangerouslyAcceptProviderTokens: v.exactOptional(v.pipe(v.array(scopeName), v.minLength(1))),
  apiKeyTtl: v.exactOptional(v.pipe(seconds, v.maxValue(3600)), 60),
  registration: v.exactOptional(v.picklist(['sealed', 'stored', 'off']), 'sealed'),
  registrationTtl: v.exactOptional(seconds),
  registrationPolicy: v.exactOptional(v.custom<RegistrationPolicy>(isFunction, 'expected a function')),
  clientDocuments: v.exactOptional(
    v.strictObject({
      accept: v.exactOptional(v.boolean(), true),
      hosts: v.exactOptional(
        v.array(
          v.pipe(
            v.string(),
            v.regex(
              /^(\*\.)?([a-z0-9-]+\.)+[a-z][a-z0-9-]*(:\d+)?$/,
              'expected client.example or *.example.com',
            ),
          ),
        ),
      ),
      loopback: v.exactOptional(v.boolean(), false),
    }),
    {},
  ),
  redirectUris: v.exactOptional(
    v.strictObject({
      customSchemes: v.exactOptional(v.boolean(), true),
      loopbackAliases: v.exactOptional(v.boolean(), false),
    }),
    {},
  ),
  discovery: v.exactOptional(DiscoverySchema, {}),
  accessTokenTtl: v.exactOptional(seconds, 60 * 60),
  codeTtl: v.exactOptional(v.pipe(seconds, v.maxValue(600)), 60),
  refreshTtl: v.exactOptional(seconds, 30 * DAY),
  refreshGrace: v.exactOptional(v.pipe(secondsOrZero, v.maxValue(600)), 60),
  grantTtl: v.exactOptional(seconds),
  signInTtl: v.exactOptional(v.pipe(seconds, v.maxValue(3600)), 600),
  revocationLag: v.exactOptional(v.pipe(secondsOrZero, v.maxValue(300)), 5),
  limits: v.exactOptional(LimitsSchema, {}),
  clientAddress: v.exactOptional(v.custom<NonNullable<ProxyOptions['clientAddress']>>(isFunction)),
  trustProxy: v.exactOptional(v.pipe(secondsOrZero, v.maxValue(10)), 0),
  origins: v.exactOptional(v.array(v.pipe(v.string(), v.regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/))), []),
  on: v.exactOptional(
    v.strictObject({
      event: v.exactOptional(
        v.custom<Listener | readonly Listener[]>(
          (input) => [input].flat().every(isFunction),
          'expected a function, or several',
        ),
      ),
    }),
    {},
  ),
  metrics: v.exactOptional(
    v.custom<Metrics>(
      (input) => hasMembers(input, ['event', 'token', 'expose']),
      'expected prometheus({ … })',
    ),
  ),
  fetch: v.exactOptional(FetchSchema),
  now: v.exactOptional(v.custom<NonNullable<ProxyOptions['now']>>(isFunction)),
} as const

const Options = v.strictObject(OPTIONS)

/** The check of each option, by its name. */
export const optionEntries: Readonly<Record<string, v.GenericSchema>> = OPTIONS

type Defaulted =
  | 'account'
  | 'scopes'
  | 'clients'
  | 'apiKeys'
  | 'apiKeyTtl'
  | 'registration'
  | 'accessTokenTtl'
  | 'codeTtl'
  | 'refreshTtl'
  | 'refreshGrace'
  | 'signInTtl'
  | 'revocationLag'
  | 'trustProxy'
  | 'origins'

/** Options that passed every check of their own, with the defaults in place. */
export type ParsedOptions = Omit<
  ProxyOptions,
  Defaulted | 'redirectUris' | 'clientDocuments' | 'discovery' | 'limits'
> &
  Required<Pick<ProxyOptions, Defaulted>> & {
    redirectUris: Required<NonNullable<ProxyOptions['redirectUris']>>
    discovery: Required<NonNullable<ProxyOptions['discovery']>>
    limits: Limits
    clientDocuments: { accept: boolean; hosts?: readonly string[]; loopback: boolean }
  }

/** @throws {ConfigError} Naming every option that is wrong, by its path. */
export function parseOptions(options: ProxyOptions): ParsedOptions {
  const result = v.safeParse(Options, options)
  if (!result.success) throw new ConfigError(result.issues.flatMap(toIssues))
  return result.output
}

/** What was expected, never what was there: an option may be a secret. */
function toIssues(issue: v.BaseIssue<unknown>): ConfigIssue[] {
  const path = v.getDotPath(issue) ?? 'options'
  if (issue.expected === 'never') return [{ path, message: 'is not an option' }]
  if (issue.received === 'undefined') return [{ path, message: 'is missing' }]
  // The library's own sentences quote what they found; ours do not.
  const own = issue.message.startsWith('Invalid') ? `expected ${issue.expected ?? issue.type}` : issue.message
  return [{ path, message: own }]
}
