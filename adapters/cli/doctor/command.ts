import packageJson from '../../../package.json' with { type: 'json' }
import { diagnose } from '../../doctor/index.ts'
import { fetch } from '../../node.ts'
import { type Command, UsageError } from '../configuration/command.ts'
import { loadDotEnv } from '../configuration/environment.ts'
import { report } from './report.ts'
import { readDeployment } from './settings.ts'

const SECONDS = /^\d{1,3}(\.\d+)?$/

export const doctorCommand: Command = {
  description: 'Examine a running MCP server and its authorization as clients see it',
  words: [
    { name: 'url', description: 'The address that MCP clients use, such as https://mcp.example.com/mcp' },
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
    json: { type: 'boolean', description: 'Write one JSON object' },
  },
  note: 'Exits with 1 if a check fails.',
  async run(line) {
    const url = readAddress(line.words[0])
    const timeout = line.text('timeout')!
    if (url === undefined) throw new UsageError('url: expected the http(s) address of an MCP server')
    if (!SECONDS.test(timeout) || Number(timeout) === 0) throw new UsageError('--timeout: expected seconds')
    await loadDotEnv(process.env, process.cwd())
    const settings = { env: process.env, cwd: process.cwd(), config: line.text('config') }
    const deployment = await readDeployment(settings, url)
    const { options, secondStore } = deployment
    try {
      const diagnosis = await diagnose(url, {
        fetch,
        timeout: Number(timeout) * 1000,
        agent: `lockgate-doctor/${packageJson.version}`,
        token: line.text('token') || doctorToken(process.env),
        deployment: options,
        secondStore,
      })
      const findings = [...diagnosis.findings, ...deployment.findings]
      const failed = findings.some(({ status }) => status === 'fail')
      const { isTTY } = process.stdout
      const colours = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
      const examination = { ...diagnosis, findings }
      const text = line.on('json')
        ? `${JSON.stringify({ ok: !failed, ...examination }, null, 2)}\n`
        : report(examination, colours)
      await new Promise((resolve) => process.stdout.write(text, resolve))
      // Open connections of drivers would keep the process alive.
      process.exit(failed ? 1 : 0)
    } finally {
      await deployment.close()
    }
  },
}

/** Normalises an address as clients do: lower-case host, no default port. */
function readAddress(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  url.hash = ''
  return url.href
}

/** The variable for the token, because other processes can read a command line. */
export const doctorToken = (env: NodeJS.ProcessEnv): string | undefined =>
  env.LOCKGATE_DOCTOR_TOKEN || undefined
