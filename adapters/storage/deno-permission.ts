/** The part of Deno's permissions that is used. */
interface Permissions {
  querySync(descriptor: { name: string; path?: string }): { readonly state: string }
}

/** Returns the flags that Deno lacks to use a folder, as `--allow-read=<folder>`. None on another runtime. */
export function missingFlags(folder: string): readonly string[] {
  const { Deno } = globalThis as { Deno?: { permissions?: Permissions } }
  const query = (name: string) => Deno?.permissions?.querySync?.({ name, path: folder }).state ?? 'granted'
  return ['read', 'write']
    .filter((name) => query(name) !== 'granted')
    .map((name) => `--allow-${name}=${folder}`)
}

/** Returns the flag that an error of Deno asks for, as `--allow-net`. `undefined` for any other error. */
export function flagOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current.name === 'NotCapable') return /--allow-[a-z]+/.exec(current.message)?.[0]
  }
  return undefined
}
