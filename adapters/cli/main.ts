#!/usr/bin/env node
import { createHash } from 'node:crypto'
import { defineCommand } from 'citty'
import packageJson from '../../package.json' with { type: 'json' }
import { run } from './run.ts'

const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'Make a new secret: 256 bits of randomness, on the standard output' },
  run: async () => {
    const { newSecret } = await import('./configuration/settings.ts')
    process.stdout.write(`${newSecret()}\n`)
  },
})

const keyCommand = defineCommand({
  meta: { name: 'key', description: 'Make a new API key, and the hash of it that belongs in `apiKeys`' },
  run: async () => {
    const { newSecret } = await import('./configuration/settings.ts')
    const key = newSecret()
    const keyHash = createHash('sha256').update(key).digest('hex')
    process.stdout.write(`key      ${key}\nkeyHash  ${keyHash}\n`)
  },
})

const main = defineCommand({
  meta: {
    name: 'lockgate',
    version: packageJson.version,
    description: 'An OAuth proxy in front of MCP servers',
  },
  subCommands: {
    init: () => import('./init/init.ts').then(({ initCommand }) => initCommand),
    doctor: () => import('./doctor/command.ts').then(({ doctorCommand }) => doctorCommand),
    serve: () => import('./serve/command.ts').then(({ serveCommand }) => serveCommand),
    grants: () => import('./grants/command.ts').then(({ grantsCommand }) => grantsCommand),
    wrap: () => import('./wrap/command.ts').then(({ wrapCommand }) => wrapCommand),
    secret: secretCommand,
    key: keyCommand,
  },
})

const code = await run(main, process.argv.slice(2))
if (code !== 0) process.exit(code)
