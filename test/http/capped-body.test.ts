import { describe, expect, test } from 'vitest'
import { BodyTooLarge, readCapped } from '../../src/http/capped-body.ts'

/** A body that delivers `chunks` and then ends, or stays open. */
function bodyOf(chunks: readonly (string | Uint8Array)[], { open = false } = {}) {
  const state = { cancelled: false }
  const left = chunks.map((chunk) => (typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk))
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = left.shift()
      if (chunk) controller.enqueue(chunk)
      else if (!open) controller.close()
    },
    cancel() {
      state.cancelled = true
    },
  })
  return { body, state }
}

describe('a capped body', () => {
  test('is read up to exactly its limit', async () => {
    expect(await readCapped(bodyOf(['ab', 'cd']).body, { limit: 4 })).toBe('abcd')
    expect(await readCapped(null, { limit: 4 })).toBe('')
  })

  test('is cancelled as soon as it exceeds its limit', async () => {
    const { body, state } = bodyOf(['ab', 'cd', 'ef'], { open: true })
    await expect(readCapped(body, { limit: 3 })).rejects.toThrow(BodyTooLarge)
    expect(state.cancelled).toBe(true)
  })

  test('counts bytes, not characters', async () => {
    await expect(readCapped(bodyOf(['€']).body, { limit: 2 })).rejects.toThrow('larger than 2 bytes')
    expect(await readCapped(bodyOf(['€']).body, { limit: 3 })).toBe('€')
  })

  test('may split a character over two chunks', async () => {
    const [a, b, c] = new TextEncoder().encode('€')
    const { body } = bodyOf([new Uint8Array([a!]), new Uint8Array([b!, c!])])
    expect(await readCapped(body, { limit: 10 })).toBe('€')
  })

  test('is refused if it is not UTF-8, unless the reader is lenient', async () => {
    const broken = () => bodyOf([new Uint8Array([0x61, 0xff])]).body
    await expect(readCapped(broken(), { limit: 10 })).rejects.toThrow(TypeError)
    expect(await readCapped(broken(), { limit: 10, lenient: true })).toBe('a\ufffd')
    await expect(readCapped(bodyOf([new Uint8Array([0xe2])]).body, { limit: 10 })).rejects.toThrow(TypeError)
  })

  test('is cancelled when its signal aborts, with the reason of the signal', async () => {
    const { body, state } = bodyOf(['a'], { open: true })
    const stop = new AbortController()
    const reading = readCapped(body, { limit: 10, signal: stop.signal })
    setTimeout(() => stop.abort(new Error('too slow')))
    await expect(reading).rejects.toThrow('too slow')
    expect(state.cancelled).toBe(true)
  })

  test('is not read at all after its signal has aborted', async () => {
    const { body, state } = bodyOf(['a'])
    const signal = AbortSignal.abort(new Error('too slow'))
    await expect(readCapped(body, { limit: 10, signal })).rejects.toThrow('too slow')
    expect(state.cancelled).toBe(true)
  })
})
