import type { Store } from '../../src/index.ts'
import { parseUrl } from '../../src/internal.ts'
import { certificateErrors } from '../certificate-errors.ts'
import { flagOf } from './deno-permission.ts'
import type { Closable, Driver } from './driver.ts'

/** One form of `LOCKGATE_STORAGE`, by its text before the first colon. */
interface Scheme {
  open(rest: string, text: string): Promise<Store>
  /** The packages to install. */
  readonly needs?: string
  /** The name of the server that it connects to. */
  readonly server?: string
}

const redis: Scheme = {
  open: async (_rest, url) => (await import('./redis.ts')).redis({ url }),
  needs: 'ioredis@5',
  server: 'Redis',
}
const postgres: Scheme = {
  open: async (_rest, url) => (await import('./postgres.ts')).postgres({ url }),
  needs: 'db0 pg',
  server: 'PostgreSQL',
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  memory: { open: async () => (await import('./memory.ts')).memory() },
  fs: { open: async (base) => (await import('./fs.ts')).fs({ base: base || '.lockgate/data' }) },
  sqlite: {
    open: async (path) => (await import('./sqlite.ts')).sqlite({ path: path || '.lockgate/lockgate.db' }),
    needs: 'db0',
  },
  redis,
  rediss: redis,
  postgres,
  postgresql: postgres,
  'deno-kv': {
    open: async (path) => (await import('./deno-kv.ts')).denoKv(path ? { path } : {}),
    needs: '@deno/kv',
  },
  unstorage: { open: openDriver },
}

/** The forms that {@link fromUrl} accepts, for messages. */
export const storageForms =
  'memory:, fs:./folder, sqlite:./file.db, redis://host, postgres://user@host/database, deno-kv:[path] or unstorage:<driver>?option=value'

/**
 * Opens the store that a text names, and writes, swaps and deletes a probe record, so that a store that cannot work is
 * known at once. Only the named store is loaded.
 *
 * @throws {TypeError} With one sentence that says what to do. It never contains the text, which may have a password.
 */
export async function fromUrl(text: string): Promise<Store> {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon))
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined
  if (!scheme) throw new TypeError(`expected ${storageForms}`)
  if (scheme.server && !parseUrl(text)) {
    throw new TypeError(
      `expected ${name}://user:password@host:port/database with every special character encoded`,
    )
  }
  let store: (Store & Partial<Closable>) | undefined
  try {
    store = await scheme.open(text.slice(colon + 1), text)
    if (store.problem !== undefined) throw new TypeError(store.problem)
    if (store.check) await store.check()
    else await store.get('lockgate')
    return store
  } catch (error) {
    // It would continue to connect.
    await store?.close?.().catch(() => {})
    if (error instanceof TypeError) throw error
    throw new TypeError(explain(error, name, scheme), { cause: error })
  }
}

function explain(error: unknown, name: string, { needs, server }: Scheme): string {
  const { code, message } = error as { code?: string; message?: string }
  const flag = flagOf(error)
  if (flag) return `cannot open ${name}: Deno does not permit it; start it with ${flag}`
  if (
    code === 'ERR_MODULE_NOT_FOUND' ||
    /cannot (find|import|resolve)|not a dependency/i.test(message ?? '')
  ) {
    const missing = needs ?? /(?:package|module) '([^'/]+(?:\/[^'/]+)?)/.exec(message ?? '')?.[1]
    return missing
      ? `${name}: needs a package that is not installed: npm install ${missing}`
      : `${name}: has no such driver`
  }
  const reason = /^\w+$/.test(code ?? '') ? code : (error as Error).name
  if (server && Object.hasOwn(certificateErrors, reason ?? '')) {
    return `cannot use the ${server} server (${reason}): ${certificateErrors[reason!]}`
  }
  if (server)
    return `cannot use the ${server} server (${reason}): check that it runs, and its address and password`
  return `cannot open ${name}: (${reason}): check that its path exists and may be written`
}

/** @param rest `<driver>?option=value`. Numbers, `true` and `false` are read as such. */
async function openDriver(rest: string): Promise<Store> {
  const [name = '', query] = rest.split(/\?(.*)/s)
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new TypeError('expected unstorage:<driver>?option=value')
  const options: Record<string, unknown> = {}
  for (const [option, value] of new URLSearchParams(query)) {
    options[option] = /^(true|false|\d{1,15})$/.test(value) ? JSON.parse(value) : value
  }
  const { default: driver } = (await import(`unstorage/drivers/${name}`)) as {
    default: (options: object) => Driver
  }
  const { unstorage } = await import('./unstorage.ts')
  return unstorage(driver(options))
}
