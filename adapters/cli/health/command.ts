import { request as http } from 'node:http'
import { request as https } from 'node:https'
import { isLoopbackHost, ms, parseUrl } from '../../../src/internal.ts'
import type { Command } from '../configuration/command.ts'
import { findConfig, loadConfig } from '../configuration/config-file.ts'
import { openVariables } from '../configuration/environment.ts'
import { explain } from '../configuration/messages.ts'
import { SETTINGS_NOTE, settingsFlags, variablesOfLine } from '../serve/flags.ts'

export const healthCommand: Command = {
  description: 'Ask the serve of these settings on this machine for its health; ends with 0 or 1',
  flags: (args) => settingsFlags(args),
  note: SETTINGS_NOTE,
  async run(line) {
    try {
      const url = await healthUrl(process.env, process.cwd(), variablesOfLine(line))
      const status = await ask(url)
      if (status === 200) return 0
      process.stderr.write(`${url.href} responds ${status}\n`)
    } catch (error) {
      process.stderr.write(`${explain(error) ?? (error as Error).message}\n`)
    }
    return 1
  },
}

/** Returns the address of `/health` where `serve` listens: with its port, its scheme and the path of its URL. */
export async function healthUrl(
  env: NodeJS.ProcessEnv,
  cwd: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<URL> {
  const { get } = await openVariables(env, cwd, [], flags)
  const isSecure = get('LOCKGATE_TLS_CERT') !== undefined
  const file = get('LOCKGATE_URL') ? undefined : await findConfig(cwd, get('LOCKGATE_CONFIG'))
  const url = get('LOCKGATE_URL') ?? (file && (await loadConfig(file)).url) ?? 'http://localhost'
  const path = parseUrl(url)?.pathname.replace(/\/+$/, '') ?? ''
  const host = get('HOST') ?? '127.0.0.1'
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const name = reached.includes(':') ? `[${reached}]` : reached
  return new URL(`${isSecure ? 'https' : 'http'}://${name}:${get('PORT') ?? 8787}${path}/health`)
}

function ask(url: URL): Promise<number> {
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const options = {
      timeout: ms.shutdown,
      agent: false as const,
      // The certificate names the public host, and this request stays on the machine.
      ...(secure && { rejectUnauthorized: !isOwn(url) }),
    }
    const request = (secure ? https : http)(url, options, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    request.once('timeout', () => request.destroy(new Error(`${url.href} does not respond`)))
    request.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(error.code ? `${url.href}: ${error.code}` : error.message)),
    )
    request.end()
  })
}

/** `HOST` is an address of this machine. */
const isOwn = ({ hostname }: URL): boolean => isLoopbackHost(hostname) || /^[\d.]+$|^\[/.test(hostname)
