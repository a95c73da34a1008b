import assert from 'node:assert/strict'
import fc from 'fast-check'
import { holes, READERS, readsPrivate, uris } from '../protocol/uri-readers.ts'

/** What any server reads as a private resource, the rules deny, and no caller without a token gets. */
export const resourceUris = fc.property(uris, (uri) => {
  const readers = Object.keys(READERS).filter((name) => readsPrivate(READERS[name]!, uri))
  if (readers.length > 0) assert.deepEqual(holes(uri), [], `${uri} is read ${readers.join(' and ')}`)
})
