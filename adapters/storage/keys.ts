/** Long enough for every key there is, and short enough for a file's name and for every engine's limit. */
const LONGEST = 200

// Three parts at most: stores that keep one folder's keys together then know what is in a folder of two parts.
const KEY = /^[\w-]+(:[\w-]+){0,2}$/
const PREFIX = /^([\w-]+:){0,2}[\w-]*$/

/**
 * Drivers cut, join and rewrite what is unusual in a key, each in its own way: what is unusual never reaches them.
 *
 * @throws {TypeError} For a key that is not made of up to three base64url parts joined by colons.
 */
export function checkKey(key: string): string {
  if (key.length > LONGEST || !KEY.test(key)) {
    throw new TypeError(
      `A key must be one to three base64url parts joined by colons, ${LONGEST} characters at most`,
    )
  }
  return key
}

/** @throws {TypeError} For what no key begins with. */
export function checkPrefix(prefix: string): string {
  if (prefix.length > LONGEST || !PREFIX.test(prefix)) {
    throw new TypeError('A prefix must be the beginning of a key')
  }
  return prefix
}

/** What a key's neighbours share: everything up to its last colon, with it. Empty where there is none. */
export const folderOf = (keyOrPrefix: string): string =>
  keyOrPrefix.slice(0, keyOrPrefix.lastIndexOf(':') + 1)
