import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bodies as made } from '../protocol/stacks/bodies.ts'
import { beyond, judged } from '../protocol/stacks/judged.ts'
import { ranByGo, ranByNode } from '../protocol/stacks/stacks.ts'

/** Of a body that passes, no server runs more than was judged. */
export const bodies = fc.property(
  fc.oneof(
    { weight: 9, arbitrary: made },
    fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
    fc.json().map((text) => new Uint8Array(Buffer.from(text))),
  ),
  (body) => {
    const own = judged(body)
    for (const ran of [ranByNode(body), ranByGo(body)]) assert.deepEqual(beyond(ran, own), [])
  },
)
