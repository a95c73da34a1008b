import { describe, expect, test } from 'vitest'
import { parseUrl } from '../../src/http/parse-url.ts'

const byConstructor = (text: string, base?: string): string | undefined => {
  try {
    return new URL(text, base).href
  } catch {
    return undefined
  }
}

const latin = Array.from({ length: 0x180 - 0x80 }, (_, n) => String.fromCharCode(0x80 + n))

/** Returns texts as a parser makes them, in one piece. Only such a text reaches the fast code of a runtime. */
const inOnePiece = (texts: readonly string[]): readonly string[] => JSON.parse(JSON.stringify(texts))

/** A runtime compiles a function that is called often anew, and the new one may answer otherwise. */
const often = Array.from({ length: 60_000 }, (_, n) => `https://h${n % 7}.example/x`)

/** Reads texts after many others, in one loop, so that all are read by the same code. */
const readAfterMany = (texts: readonly string[], base?: string): readonly (string | undefined)[] =>
  inOnePiece([...often, ...texts])
    .map((text) => parseUrl(text, base)?.href)
    .slice(often.length)

describe('a URL is read alike after many thousand calls', () => {
  test('with every character of Latin-1 in its host, its path or alone', () => {
    const texts = latin.flatMap((char) => [`https://a${char}b.example/`, `https://h.example/${char}`, char])
    expect(readAfterMany(texts)).toEqual(texts.map((text) => byConstructor(text)))
  })

  test('with two characters whose bytes are one of UTF-8', () => {
    const texts = latin
      .slice(0x42, 0x60)
      .flatMap((first) => latin.slice(0, 0x40).map((second) => `https://${first}${second}.example/`))
    const read = readAfterMany(texts)
    expect(read).toEqual(texts.map((text) => byConstructor(text)))
    expect(read.filter((one) => one === undefined).length).toBeGreaterThan(100)
  })

  test('with a base', () => {
    const texts = ['x', '//bücher.example', '//a\u00adb', 'https:', 'http://[', '/%zz', '//é:99999/']
    for (const base of ['https://h.example/a/b', 'https://ü.example/', 'mailto:x'])
      expect(readAfterMany(texts, base)).toEqual(texts.map((text) => byConstructor(text, base)))
  })
})
