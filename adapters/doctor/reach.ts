import { isPublic } from '../outbound/addresses.ts'

/**
 * Returns a test for the URLs that the documents of a server name. A public server must not make its examiner send
 * requests into a private network. A private server, such as one under development, may name any address.
 *
 * @param target The URL of the examined server. URLs of the same host are always allowed.
 * @returns A function that returns whether a URL may be requested.
 */
export function createReach(target: string): (url: string) => Promise<boolean> {
  const { host } = new URL(target)
  let isTargetPublic: Promise<boolean> | undefined
  return async (url) => {
    const { host: other, hostname } = new URL(url)
    if (other === host) return true
    isTargetPublic ??= hasPrivateAddress(new URL(target).hostname).then((found) => !found)
    return !(await isTargetPublic) || !(await hasPrivateAddress(hostname))
  }
}

/** A name without an address is not private: the request to it fails by itself, or a proxy resolves it. */
async function hasPrivateAddress(hostname: string): Promise<boolean> {
  const name = hostname.replace(/^\[|\]$/g, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  const { lookup } = await import('node:dns/promises')
  const found = await lookup(name, { all: true }).catch(() => [])
  return found.some(({ address }) => !isPublic(address))
}
