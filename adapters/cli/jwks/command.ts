import { StatedError } from '../../../src/internal.ts'
import type { Command } from '../configuration/command.ts'
import { withProxy } from '../configuration/with-proxy.ts'
import { SETTINGS_NOTE, settingsFlags, variablesOfLine } from '../serve/flags.ts'

export const jwksCommand: Command = {
  description: 'Print the public keys of signed tokens, for servers that cannot reach /jwks',
  flags: (args) => settingsFlags(args),
  note: SETTINGS_NOTE,
  run: (line) =>
    withProxy(variablesOfLine(line), async (proxy, failures) => {
      const response = await proxy.fetch(new Request(`${proxy.issuer}/jwks`))
      if (response.status === 404)
        throw new StatedError('Nothing is signed: set `accessToken` or `identity` for an MCP server')
      if (response.status !== 200)
        throw new StatedError(['The keys cannot be read from the storage', ...failures()].join(': '))
      const text = `${JSON.stringify(await response.json(), undefined, 2)}\n`
      await new Promise((resolve) => process.stdout.write(text, resolve))
      return 0
    }),
}
