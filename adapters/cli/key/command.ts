import { createHash } from 'node:crypto'
import type { Command } from '../configuration/command.ts'
import { newSecret } from '../configuration/secret.ts'

export const keyCommand: Command = {
  description: 'Print a new API key, and its hash for `apiKeys`',
  async run() {
    const key = newSecret()
    const keyHash = createHash('sha256').update(key).digest('hex')
    process.stdout.write(`key      ${key}\nkeyHash  ${keyHash}\n`)
    return 0
  },
}
