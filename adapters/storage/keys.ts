/** Characters of the longest key: enough for every key, and few enough for a file name and for the limit of every engine. */
const LONGEST = 200

// Three parts at most, so that a folder of two parts contains records only.
const KEY = /^[\w-]+(:[\w-]+){0,2}$/
const PREFIX = /^([\w-]+:){0,2}[\w-]*$/

/**
 * Returns a key that means the same to every driver. Drivers split, join and rewrite unusual characters, each in its own
 * way.
 *
 * @throws {TypeError} For a key that is not one to three base64url parts joined by colons.
 */
export function checkKey(key: string): string {
  if (key.length > LONGEST || !KEY.test(key)) {
    throw new TypeError(
      `A key must be one to three base64url parts joined by colons, ${LONGEST} characters at most`,
    )
  }
  return key
}

/**
 * Returns a prefix that a key can have.
 *
 * @throws {TypeError} For any other text.
 */
export function checkPrefix(prefix: string): string {
  if (prefix.length > LONGEST || !PREFIX.test(prefix)) {
    throw new TypeError('A prefix must be the beginning of a key')
  }
  return prefix
}

/** Returns the folder of a key: everything up to its last colon, with it. Empty if there is none. */
export const folderOf = (keyOrPrefix: string): string =>
  keyOrPrefix.slice(0, keyOrPrefix.lastIndexOf(':') + 1)
