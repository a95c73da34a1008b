#!/usr/bin/env node
import packageJson from '../../package.json' with { type: 'json' }
import type { Entry, Group } from './configuration/command.ts'
import { outliveReaders } from './configuration/output.ts'
import { run } from './configuration/run.ts'

const entry = (description: string, load: Entry['load']): Entry => ({ description, load })

const main: Group = {
  description: 'An OAuth proxy in front of MCP servers',
  commands: {
    init: entry(
      'Write a configuration and list the remaining steps',
      async () => (await import('./init/command.ts')).initCommand,
    ),
    serve: entry('Run the proxy', async () => (await import('./serve/command.ts')).serveCommand),
    wrap: entry(
      'Run the proxy in front of an MCP server that is a local program',
      async () => (await import('./wrap/command.ts')).wrapCommand,
    ),
    doctor: entry(
      'Examine a running MCP server and its authorization as clients see it',
      async () => (await import('./doctor/command.ts')).doctorCommand,
    ),
    explain: entry(
      'Print the meaning and the remedy of a reason code',
      async () => (await import('./explain/command.ts')).explainCommand,
    ),
    health: entry(
      'Ask a running serve for its health',
      async () => (await import('./health/command.ts')).healthCommand,
    ),
    grants: entry(
      'List and revoke the grants of users',
      async () => (await import('./grants/command.ts')).grantsCommand,
    ),
    jwks: entry(
      'Print the public keys of signed tokens',
      async () => (await import('./jwks/command.ts')).jwksCommand,
    ),
    secret: entry('Print a new secret', async () => (await import('./secret/command.ts')).secretCommand),
    key: entry('Print a new API key and its hash', async () => (await import('./key/command.ts')).keyCommand),
  },
}

outliveReaders()
const code = await run(main, packageJson.version, process.argv.slice(2))
if (code) process.exit(code)
