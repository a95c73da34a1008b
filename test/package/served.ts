import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProxyOptions } from 'lockgate'
import { start } from '../runtime/child.ts'
import { freePort } from '../support/free-port.ts'
import type { TestProvider } from '../support/provider.ts'

/** Serves the options that are in the environment, by the package that is installed beside it. */
const PROGRAM = `
import { createProxy } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
const { port, provider, options } = JSON.parse(process.env.SERVED)
const upstream = oidc({ ...provider, name: 'the provider' })
stopOnSignals(await serve(createProxy({ ...options, upstream, storage: memory() }), { port }))
`

/** A proxy of the installed package, in a process of its own. */
export interface ServedPackage {
  readonly url: string
  close(): Promise<void>
}

/** @param folder The folder that the package is installed in. */
export async function servePackage(
  folder: string,
  startProvider: (url: string) => Promise<TestProvider>,
  given: Pick<ProxyOptions, 'mcp' | 'scopes' | 'clients'>,
): Promise<ServedPackage> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const { issuer, clientId, clientSecret } = await startProvider(url)
  await writeFile(join(folder, 'served.mjs'), PROGRAM)
  const options = { ...given, url, secret: 'a secret of the tests, long enough to be one' }
  const child = await start([process.execPath, 'served.mjs'], {
    url: `${url}/health`,
    cwd: folder,
    env: {
      ...process.env,
      SERVED: JSON.stringify({ port, provider: { issuer, clientId, clientSecret }, options }),
    },
  })
  return { url, close: async () => void (await child.stop()) }
}
