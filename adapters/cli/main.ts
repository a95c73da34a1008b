#!/usr/bin/env node
import { defineCommand, runMain } from 'citty'
import packageJson from '../../package.json' with { type: 'json' }

const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'Make a new secret' },
  run: async () => {
    const { newSecret } = await import('./settings.ts')
    process.stdout.write(`${newSecret()}\n`)
  },
})

const main = defineCommand({
  meta: { name: 'lockgate', version: packageJson.version, description: packageJson.description },
  subCommands: {
    serve: () => import('./serve.ts').then(({ serveCommand }) => serveCommand),
    secret: secretCommand,
  },
})

await runMain(main)
