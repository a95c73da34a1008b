import packageJson from '../../../package.json' with { type: 'json' }
import { parseUrl } from '../../../src/internal.ts'
import { diagnose, type Finding } from '../../doctor/index.ts'
import { fetch as directFetch } from '../../node.ts'
import { providerFetch } from '../../outbound/node.ts'
import { type Command, type Line, UsageError } from '../configuration/command.ts'
import { explain } from '../configuration/messages.ts'
import type { ProviderExamination } from './provider.ts'
import { findingLines, painter, report } from './report.ts'
import { readDeployment, type SettingsSource } from './settings.ts'

/** Through the proxy of the environment, if there is one: this machine may have no other way out. */
const fetch = providerFetch ?? directFetch

const SECONDS = /^\d{1,3}(\.\d+)?$/

export const doctorCommand: Command = {
  description: 'Examine a running MCP server and its authorization as clients see it',
  words: [
    {
      name: 'url',
      description: 'The address that MCP clients use. Default: the one of the settings in this folder',
    },
  ],
  flags: {
    config: {
      type: 'string',
      hint: 'file',
      description: 'Config file of the deployment: also examine its secret, storage and provider',
    },
    token: {
      type: 'string',
      hint: 'token',
      description: 'An access token of the server: also examine streams (or LOCKGATE_DOCTOR_TOKEN)',
    },
    timeout: { type: 'string', hint: 'seconds', default: '10', description: 'Timeout of one request' },
    'allow-private-addresses': {
      type: 'boolean',
      description: 'Also request private addresses that the documents of a public server name',
    },
    provider: {
      type: 'boolean',
      description: 'Examine the provider of the settings here instead of a server, and its definition',
    },
    'sign-in': {
      type: 'boolean',
      description: 'With --provider: sign in once, refresh, revoke, and write a report',
    },
    callback: {
      type: 'string',
      hint: 'url',
      description:
        'With --provider: the callback that is registered there. Default: that of LOCKGATE_URL, or http://localhost:8787/callback',
    },
    'reuse-refresh-token': {
      type: 'boolean',
      description:
        'With --sign-in: also use a refresh token twice, which can end more than this sign-in at some providers',
    },
    report: { type: 'string', hint: 'file', description: 'With --provider: the file of the report' },
    as: {
      type: 'string',
      hint: 'grant',
      description: "Only exchange the provider's token of this grant once, as a request to its server would",
    },
    json: { type: 'boolean', description: 'Write one JSON object' },
  },
  note: 'Exits with 1 if a check fails.',
  async run(line) {
    const timeout = line.text('timeout')!
    const given = line.words[0] === undefined ? undefined : readAddress(line.words[0])
    if (!SECONDS.test(timeout) || Number(timeout) === 0) throw new UsageError('--timeout: expected seconds')
    const source = { env: process.env, cwd: process.cwd(), config: line.text('config') }
    if (line.on('provider')) return runProvider(line, source, Number(timeout) * 1000)
    const stray = ['sign-in', 'callback', 'reuse-refresh-token', 'report'].find((flag) => flag in line.given)
    if (stray !== undefined) throw new UsageError(`--${stray}: needs --provider`)
    if (line.text('as') !== undefined) return runExchange(line, source)
    const deployment = await readDeployment(source, given)
    const { options, secondStore, addresses } = deployment
    const [url, ...others] = given === undefined ? addresses : [given]
    if (url === undefined) return withoutAddress(deployment.findings)
    const diagnosis = await diagnose(url, {
      fetch,
      timeout: Number(timeout) * 1000,
      agent: `lockgate-doctor/${packageJson.version}`,
      token: line.text('token') || doctorToken(process.env),
      deployment: options,
      secondStore,
      allowPrivateAddresses: line.on('allow-private-addresses'),
    })
    await deployment.close()
    const examination = { ...diagnosis, findings: [...diagnosis.findings, ...deployment.findings] }
    const failed = examination.findings.some(({ status }) => status === 'fail')
    const more = others.map((one) => `See also: lockgate doctor ${one}\n`).join('')
    const text = line.on('json')
      ? `${JSON.stringify({ ok: !failed, ...examination }, null, 2)}\n`
      : report(examination, usesColours()) + more
    await new Promise((resolve) => process.stdout.write(text, resolve))
    // Open connections of drivers would keep the process alive.
    return process.exit(failed ? 1 : 0)
  },
}

/** Examines the provider instead of a server. */
async function runProvider(line: Line, source: SettingsSource, timeout: number): Promise<number> {
  if (line.words[0] !== undefined) throw new UsageError('url: is not needed with --provider')
  if (line.text('as') !== undefined) throw new UsageError('--as: is not possible with --provider')
  const { examineProviders, providerText } = await import('./provider.ts')
  const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true
  const examinations = await examineProviders({
    source,
    fetch,
    timeout,
    signIn: line.on('sign-in'),
    callback: line.text('callback'),
    report: line.text('report'),
    say: (text) => process.stderr.write(text),
    async mayReuse() {
      if (line.on('reuse-refresh-token')) return true
      if (!isTerminal) return false
      const { confirm } = await import('@clack/prompts')
      const message =
        'Use the first refresh token once more? At some providers that ends more than this sign-in.'
      return (await confirm({ message, initialValue: false })) === true
    },
  }).catch((error: unknown) => {
    const problem = explain(error)
    if (problem === undefined) throw error
    process.stderr.write(`${problem}\n`)
    return process.exit(1)
  })
  const failed = examinations.some(({ findings }) => findings.some(({ status }) => status === 'fail'))
  const text = line.on('json')
    ? `${JSON.stringify({ ok: !failed, providers: examinations.map(written) }, null, 2)}\n`
    : examinations.map((one) => providerText(one, usesColours())).join('\n')
  await new Promise((resolve) => process.stdout.write(text, resolve))
  return process.exit(failed ? 1 : 0)
}

/** Runs one exchange instead of an examination. */
async function runExchange(line: Line, source: SettingsSource): Promise<number> {
  if (line.words[0] !== undefined) throw new UsageError('url: is not needed with --as')
  const { examineExchange } = await import('./exchange.ts')
  const { options, findings, close } = await readDeployment(source, undefined)
  if (!options) return withoutAddress(findings)
  const finding = await examineExchange({ fetch, ...options }, line.text('as')!).finally(close)
  const text = line.on('json')
    ? `${JSON.stringify({ ok: finding.status === 'ok', findings: [finding] }, null, 2)}\n`
    : `${findingLines([finding], painter(usesColours())).join('\n')}\n`
  await new Promise((resolve) => process.stdout.write(text, resolve))
  return process.exit(finding.status === 'ok' ? 0 : 1)
}

/** An examination without what is for the operator's own eyes. */
const written = ({ shown: _, ...report }: ProviderExamination): Omit<ProviderExamination, 'shown'> => report

function usesColours(): boolean {
  const { isTTY } = process.stdout
  return isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Says what is wrong with the settings of this folder, or that an address is missing. */
function withoutAddress([finding]: readonly Finding[]): number {
  if (finding?.status !== 'fail') {
    throw new UsageError(
      'url: is missing; give the http(s) address of an MCP server, or run doctor beside its settings',
    )
  }
  process.stderr.write(`${finding.seen}\n`)
  return 1
}

/**
 * Normalises an address as clients do: lower-case host, no default port.
 *
 * @throws {UsageError} If it is not an http(s) URL.
 */
function readAddress(text: string): string {
  const url = parseUrl(text)
  if (!url || !/^https?:\/\/[^/]/i.test(text)) {
    throw new UsageError('url: expected the http(s) address of an MCP server')
  }
  url.hash = ''
  return url.href
}

/** The variable for the token, because other processes can read a command line. */
export const doctorToken = (env: NodeJS.ProcessEnv): string | undefined =>
  env.LOCKGATE_DOCTOR_TOKEN || undefined
