import type { Command } from '../configuration/command.ts'
import { newSecret } from '../configuration/secret.ts'

export const secretCommand: Command = {
  description: 'Print a new secret: 256 bits of randomness',
  async run() {
    process.stdout.write(`${newSecret()}\n`)
    return 0
  },
}
