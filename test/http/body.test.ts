import { describe, expect, test } from 'vitest'
import { mediaType, readText } from '../../src/http/body.ts'

const url = 'https://proxy.test/'
const tooLarge = expect.objectContaining({ name: 'OAuthError', code: 'invalid_request', status: 413 })
const unreadable = expect.objectContaining({ name: 'OAuthError', code: 'invalid_request', status: 400 })
const bytes = (text: string) => new TextEncoder().encode(text)

/** A request whose body arrives in chunks, without a `Content-Length`. */
function chunked(chunks: Iterable<Uint8Array>): { request: Request; sent: () => number } {
  let sent = 0
  const source = chunks[Symbol.iterator]()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = source.next()
      if (done) controller.close()
      else {
        sent += value.byteLength
        controller.enqueue(value)
      }
    },
  })
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
  return { request: new Request(url, init), sent: () => sent }
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(1000).fill(97)
}

describe('a body', () => {
  test('is read up to its limit in bytes, not a byte further', async () => {
    const post = (body: string) => new Request(url, { method: 'POST', body })
    expect(await readText(post('a'.repeat(10)), 10)).toBe('a'.repeat(10))
    await expect(readText(post('a'.repeat(11)), 10)).rejects.toThrow(tooLarge)
    await expect(readText(post('ü'.repeat(6)), 10)).rejects.toThrow(tooLarge)
    expect(await readText(post('ü'.repeat(5)), 10)).toBe('ü'.repeat(5))
  })

  test('that never ends and names no length is given up at the limit', async () => {
    const { request, sent } = chunked(endless())
    expect(request.headers.has('content-length')).toBe(false)
    await expect(readText(request, 10_000)).rejects.toThrow(tooLarge)
    expect(sent()).toBeLessThan(20_000)
  })

  test('that names too great a length is not read at all', async () => {
    const { request, sent } = chunked(endless())
    const before = sent()
    const named = { headers: new Headers({ 'content-length': '10001' }), body: request.body } as Request
    await expect(readText(named, 10_000)).rejects.toThrow(tooLarge)
    expect(sent()).toBeLessThanOrEqual(before + 1000)
  })

  test('that names too small a length is counted all the same', async () => {
    const { request } = chunked(endless())
    const named = { headers: new Headers({ 'content-length': '5' }), body: request.body } as Request
    await expect(readText(named, 10_000)).rejects.toThrow(tooLarge)
  })

  test('may be cut inside a character', async () => {
    const [one, two] = [bytes('ü😀').slice(0, 1), bytes('ü😀').slice(1)]
    expect(await readText(chunked([one, two.slice(0, 2), two.slice(2)]).request, 100)).toBe('ü😀')
  })

  test.each([
    ['a lone continuation byte', [0x61, 0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a character at the end', [0x61, 0xf0, 0x9f]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('with %s is refused', async (_name, content) => {
    await expect(readText(chunked([Uint8Array.from(content)]).request, 100)).rejects.toThrow(unreadable)
  })

  test('that breaks off is the fault of who sent it', async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new Error('connection reset'))
      },
    })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
    await expect(readText(new Request(url, init), 100)).rejects.toThrow(unreadable)
  })

  test('that is absent is empty', async () => {
    expect(await readText(new Request(url), 10)).toBe('')
    expect(await readText(new Request(url, { method: 'POST' }), 10)).toBe('')
  })
})

test.each([
  ['Application/JSON; charset=utf-8', 'application/json'],
  [' text/html ;x', 'text/html'],
  ['', ''],
])('the media type of %j is %j', (header, type) => {
  expect(mediaType(new Request(url, { headers: { 'content-type': header } }))).toBe(type)
})

test('without a header there is no media type', () => {
  expect(mediaType(new Request(url))).toBe('')
})
