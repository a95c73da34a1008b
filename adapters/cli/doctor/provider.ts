import { writeFile } from 'node:fs/promises'
import packageJson from '../../../package.json' with { type: 'json' }
import type { Fetch, Provider } from '../../../src/index.ts'
import { isLoopbackUrl, parseUrl } from '../../../src/internal.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { type Finding, ok, show, skip } from '../../doctor/finding.ts'
import { createProbe } from '../../doctor/probe.ts'
import { findBySignIn } from '../../doctor/provider/with-user.ts'
import { findWithoutUser } from '../../doctor/provider/without-user.ts'
import { UsageError } from '../configuration/command.ts'
import { openVariables } from '../configuration/environment.ts'
import { PROVIDERS, readUpstream } from '../configuration/providers.ts'
import { isSecretVariable } from '../configuration/secret-variables.ts'
import { listenFor } from './loopback.ts'
import { type DefinitionNote, factsOf, type ProviderReport, scrub } from './provider-report.ts'
import { countOf, findingLines, painter } from './report.ts'
import { readDeployment, type SettingsSource } from './settings.ts'

/** What the command line asks for. */
export interface ProviderRequest {
  readonly source: SettingsSource
  readonly fetch: Fetch
  /** Milliseconds for one request. */
  readonly timeout: number
  readonly signIn: boolean
  /** The callback that is registered at the provider. */
  readonly callback: string | undefined
  /** The file of the report. */
  readonly report: string | undefined
  /** Shows the operator a text. */
  say(text: string): void
  /** Asks the operator whether to use a refresh token twice. */
  mayReuse(): Promise<boolean>
}

/** The examination of one provider, as it may be attached to an issue. */
export interface ProviderExamination extends ProviderReport {
  /** The findings for the operator's own eyes: with addresses and ids, and without secrets. */
  readonly shown: readonly Finding[]
  /** The file that was written. */
  readonly file: string | undefined
}

interface Examined {
  readonly provider: Provider
  readonly definition: DefinitionNote | undefined
  /** The variables that were set, with their values. */
  readonly given: ReadonlyMap<string, string>
  readonly url: string | undefined
}

const CALLBACK = 'http://localhost:8787/callback'

/**
 * Examines the provider of the settings here: the one of the variables, or those of a config file.
 *
 * @throws {UsageError} If there is none.
 */
export async function examineProviders(request: ProviderRequest): Promise<ProviderExamination[]> {
  const examinations: ProviderExamination[] = []
  // One after the other: a sign-in needs the port of its callback.
  for (const one of await readProviders(request.source)) examinations.push(await examine(one, request))
  return examinations
}

async function readProviders({ env, cwd, config }: SettingsSource): Promise<Examined[]> {
  const variables = await openVariables(env, cwd, [])
  const name = variables.get('LOCKGATE_UPSTREAM')
  const url = variables.get('LOCKGATE_URL')
  if (config === undefined && name !== undefined) {
    const names = [...variables.origins.keys()].filter((one) => one.startsWith('LOCKGATE_UPSTREAM'))
    const given = new Map(names.flatMap((one) => [[one, variables.get(one) ?? '']] as const))
    const upstream = await readUpstream(Object.fromEntries(given))
    const [provider] = providersOf(upstream)
    if (provider === undefined) throw new UsageError('--provider: LOCKGATE_UPSTREAM names no provider')
    return [{ provider, definition: await noteOf(name), given, url }]
  }
  const { options, findings, close } = await readDeployment({ env, cwd, config }, undefined)
  await close()
  const found = providersOf(options?.upstream)
  if (found.length === 0) {
    const problem = findings.find(({ status }) => status === 'fail')?.seen
    throw new UsageError(
      problem ?? '--provider: is missing in the settings; set LOCKGATE_UPSTREAM and its variables',
    )
  }
  return Promise.all(
    found.map(async (provider) => ({
      provider,
      definition: await noteOf(provider.id),
      given: new Map<string, string>(),
      url: options?.url,
    })),
  )
}

async function noteOf(name: string): Promise<DefinitionNote | undefined> {
  if (!Object.hasOwn(PROVIDERS, name)) return undefined
  const { confidence, verified, docs } = (await PROVIDERS[name]!()).definition
  return { name, confidence, verified, docs }
}

/** The callback to use: the operator's, that of the deployment, or one on this machine. */
function callbackOf({ url }: Examined, { callback, signIn }: ProviderRequest): string {
  const usable = url !== undefined && (!signIn || isLoopbackUrl(url))
  const chosen = callback ?? (usable ? `${url.replace(/\/+$/, '')}/callback` : CALLBACK)
  if (!parseUrl(chosen) || !/^https?:\/\/.+\/callback(\/[\w-]+)?$/.test(chosen))
    throw new UsageError('--callback: expected a URL that ends with /callback')
  if (signIn && !isLoopbackUrl(chosen))
    throw new UsageError(
      '--callback: expected an address of this machine, such as http://localhost:8787/callback',
    )
  return chosen
}

async function examine(one: Examined, request: ProviderRequest): Promise<ProviderExamination> {
  const { provider, definition, given } = one
  const { fetch, timeout } = request
  const callback = callbackOf(one, request)
  const agent = `lockgate-doctor/${packageJson.version}`
  const probe = createProbe({ fetch, timeout, agent })
  const findings: Finding[] = [
    definitionFinding(definition),
    ...(await findWithoutUser(provider, { fetch, probe, callback })),
  ]
  const { secrets, names } = hiddenOf(provider, given, callback)
  if (request.signIn) {
    const signedIn = await signIn(provider, callback, request)
    findings.push(...signedIn.findings)
    for (const secret of signedIn.secrets) if (!secrets.has(secret)) secrets.set(secret, '<private>')
  }
  const report: ProviderReport = {
    lockgate: packageJson.version,
    date: new Date().toISOString().slice(0, 10),
    definition,
    options: [...given.keys()].sort(),
    findings: scrub(findings, new Map([...names, ...secrets])),
  }
  const file = request.signIn ? (request.report ?? `lockgate-provider-${provider.id}.json`) : request.report
  if (file !== undefined) await writeFile(file, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 })
  return { ...report, file, shown: scrub(findings, secrets) }
}

const definitionFinding = (definition: DefinitionNote | undefined): Finding => {
  const [id, title] = ['provider.definition', 'The definition']
  return definition === undefined
    ? skip(id, title, 'one of your own')
    : ok(id, title, `${definition.name}: ${definition.confidence}, ${definition.verified}`)
}

/** The texts of the settings that no report may contain: secrets, and names that only the operator may see. */
function hiddenOf(
  { clientId, clientSecret }: Provider,
  given: ReadonlyMap<string, string>,
  callback: string,
): { secrets: Map<string, string>; names: Map<string, string> } {
  const secrets = new Map(clientSecret === undefined ? [] : [[clientSecret, '<client secret>']])
  const names = new Map([
    [clientId, '<client id>'],
    [callback, '<callback>'],
  ])
  for (const [name, value] of given) {
    if (/^LOCKGATE_UPSTREAM(_CLIENT_(ID|SECRET)|_SCOPES|_CLIENT_AUTH|_ID)?$/.test(name)) continue
    const word = `<${name.slice('LOCKGATE_UPSTREAM_'.length).toLowerCase()}>`
    const hidden = isSecretVariable(name) ? secrets : names
    hidden.set(value, word)
    const url = parseUrl(value)
    if (url) hidden.set(url.host, word)
  }
  return { secrets, names }
}

async function signIn(provider: Provider, callback: string, request: ProviderRequest) {
  const loopback = await listenFor(callback)
  try {
    return await findBySignIn(provider, {
      fetch: request.fetch,
      callback,
      async answer(address) {
        request.say(
          `Register ${callback} at the provider, and open this address in a browser:\n\n  ${address}\n\n`,
        )
        return loopback.answer
      },
      mayReuse: request.mayReuse,
    })
  } finally {
    loopback.close()
  }
}

/** An examination for people. */
export function providerText(
  { definition, shown: findings, file }: Pick<ProviderExamination, 'definition' | 'shown' | 'file'>,
  colours: boolean,
): string {
  const paint = painter(colours)
  const count = (['fail', 'warn', 'ok', 'skip'] as const).map((status) => countOf(findings, status))
  return [
    paint(definition?.name ?? 'a definition of your own', 'bold'),
    '',
    ...findingLines(findings, paint),
    '',
    'Facts of the definition',
    ...factsOf(findings).map((line) => `  ${line}`),
    '',
    `${count[0]} failed, ${count[1]} to report, ${count[2]} ok, ${count[3]} not shown.`,
    ...(file === undefined
      ? []
      : [`Wrote ${show(file)}: no secret and no token is in it. Read it before you attach it to an issue.`]),
    '',
  ].join('\n')
}
