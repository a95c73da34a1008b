import { defineCommand } from 'citty'
import packageJson from '../../../package.json' with { type: 'json' }
import { fetch } from '../../node.ts'
import { loadDotEnv } from '../configuration/environment.ts'
import { UsageError } from '../run.ts'
import { examine } from './examine.ts'
import { report } from './report.ts'

const SECONDS = /^\d{1,3}(\.\d+)?$/

export const doctorCommand = defineCommand({
  meta: {
    name: 'doctor',
    description:
      'Look at a running MCP server and its authorization as clients do; ends with 1 where something fails',
  },
  args: {
    url: {
      type: 'positional',
      required: false,
      description: 'Address that MCP clients are given',
      valueHint: 'https://mcp.example.com/mcp',
    },
    config: {
      type: 'string',
      description: 'Config file of the deployment: looks at secret, storage and provider too',
    },
    token: {
      type: 'string',
      description: 'Access token of this server: looks at streams too (or LOCKGATE_DOCTOR_TOKEN)',
    },
    timeout: { type: 'string', default: '10', description: 'Seconds for one request' },
    json: { type: 'boolean', default: false, description: 'Write everything as one JSON object' },
  },
  async run({ args }) {
    const { config, timeout, json } = args
    const url = readAddress(args.url)
    if (url === undefined) throw new UsageError('url: expected the http(s) address of an MCP server')
    if (!SECONDS.test(timeout) || Number(timeout) === 0) throw new UsageError('--timeout: expected seconds')
    await loadDotEnv(process.env, process.cwd())
    const examination = await examine(url, {
      fetch,
      timeout: Number(timeout) * 1000,
      agent: `lockgate-doctor/${packageJson.version}`,
      token: args.token || doctorToken(process.env),
      settings: { env: process.env, cwd: process.cwd(), config },
    })
    const failed = examination.findings.some(({ status }) => status === 'fail')
    const { isTTY } = process.stdout
    const colours = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
    const text = json
      ? `${JSON.stringify({ ok: !failed, ...examination }, null, 2)}\n`
      : report(examination, colours)
    await new Promise((resolve) => process.stdout.write(text, resolve))
    // Drivers may hold connections that would keep the process.
    process.exit(failed ? 1 : 0)
  },
})

/** As clients normalise it: lower-case host, no default port. */
function readAddress(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  url.hash = ''
  return url.href
}

/** The variable for the token: what stands on a command line, other processes can read. */
export const doctorToken = (env: NodeJS.ProcessEnv): string | undefined =>
  env.LOCKGATE_DOCTOR_TOKEN || undefined
