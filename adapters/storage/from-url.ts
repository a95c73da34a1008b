import type { Store } from '../../src/index.ts'

/** The strings of `LOCKGATE_STORAGE`, by what stands before the first colon. */
const SCHEMES: Readonly<Record<string, (rest: string) => Promise<Store>>> = {
  memory: async () => (await import('./memory.ts')).memory(),
  fs: async (base) => (await import('./fs.ts')).fs({ base: base || '.lockgate/data' }),
}

/** What {@link fromUrl} understands, for messages. */
export const storageForms = 'memory: or fs:./folder'

/**
 * Opens the store that a text names. Only what is named is loaded.
 *
 * @throws {TypeError} With one sentence that names what would be understood.
 */
export async function fromUrl(text: string): Promise<Store> {
  const colon = text.indexOf(':')
  const open =
    colon > 0 && Object.hasOwn(SCHEMES, text.slice(0, colon)) ? SCHEMES[text.slice(0, colon)] : undefined
  if (!open) throw new TypeError(`expected ${storageForms}`)
  return open(text.slice(colon + 1))
}
