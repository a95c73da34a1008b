import { parseUrl } from '../http/parse-url.ts'
import { fold } from './json-rpc.ts'
import { compilePatterns, type Fit, type Patterns, weightOfPattern } from './patterns.ts'
import { composed, decoded, withPlainHost, withPlainScheme } from './uri-changes.ts'
import { type Readings, spell } from './uri-spellings.ts'

/** Values by the patterns of URIs. */
export interface UriTable<T> {
  /** `true` if there are none, so that no URI fits. */
  readonly isEmpty: boolean
  /**
   * Returns what fits each reading of a URI. Returns `undefined` for one with too many. What fits without a query, a fragment,
   * a user or a port counts too, unless patterns that name those fit everything else at least as exactly.
   */
  fits(uri: string): readonly Fit<T>[] | undefined
}

interface Entry<T> {
  readonly value: T
  /** `true` for a pattern with a query, a fragment, a user or a port. */
  readonly isDetailed: boolean
}

const DETAILS = /[?#]|^[^/:]*:\/\/[^/]*[@:]/

/**
 * Prepares patterns of URIs. A URI that is no pattern stands for all its readings.
 *
 * @param join Makes one value of two that are for one reading.
 */
export function compileUris<T>(
  table: Readonly<Record<string, T>>,
  join: (one: T, other: T) => T,
): UriTable<T> {
  const add = createTable(join)
  const [urls, paths, foldedUrls, foldedPaths] = [add(), add(), add(), add()]
  for (const [pattern, value] of Object.entries(table)) {
    const entry = { value, isDetailed: DETAILS.test(pattern) }
    const weight = weightOfPattern(pattern)
    const readings = readingsOf(pattern)
    for (const url of readings.urls) {
      urls.set(url, entry, weight)
      foldedUrls.set(fold(url), entry, weight)
    }
    for (const path of readings.paths) {
      paths.set(path, entry, weight)
      foldedPaths.set(fold(path), entry, weight)
    }
  }
  const own = { urls: urls.compile(), paths: paths.compile() }
  const folded = { urls: foldedUrls.compile(), paths: foldedPaths.compile() }
  /** `true` if a reading that is in lower case fits alike in both. */
  const isLower = Object.keys(table).every((pattern) => fold(pattern) === pattern)

  const look = ({ urls, paths }: Readings): readonly Fit<Entry<T>>[] =>
    (
      [
        [urls, own.urls, folded.urls],
        [paths, own.paths, folded.paths],
      ] as const
    ).flatMap(([texts, exactly, anyCase]) =>
      texts.flatMap((text) => {
        const lower = fold(text)
        if (isLower && lower === text) return [anyCase.lookUp(text)]
        return [exactly.lookUp(text), anyCase.lookUp(lower)]
      }),
    )

  function fitsOf(uri: string): readonly Fit<T>[] | undefined {
    const spellings = spell(uri)
    if (!spellings) return undefined
    const whole = look(spellings.whole)
    const isDetailed = whole.every(({ values }) => values.length > 0 && values.every((one) => one.isDetailed))
    const least = isDetailed ? Math.min(...whole.map(({ weight }) => weight)) : Number.NEGATIVE_INFINITY
    const bare = look(spellings.bare).filter(({ weight }) => weight > least)
    return [...whole, ...bare].map(({ values, weight }) => ({
      values: values.map(({ value }) => value),
      weight,
    }))
  }

  // One request asks several times about its URI.
  let last: { readonly uri: string; readonly fits: readonly Fit<T>[] | undefined } | undefined
  return {
    isEmpty: Object.keys(table).length === 0,
    fits(uri) {
      if (last?.uri !== uri) last = { uri, fits: fitsOf(uri) }
      return last.fits
    },
  }
}

/** Returns the makers of tables that join what is said twice. */
const createTable =
  <T>(join: (one: T, other: T) => T) =>
  () => {
    const all: Record<string, Entry<T>> = Object.create(null)
    const weights = new Map<string, number>()
    return {
      set(pattern: string, entry: Entry<T>, weight: number): void {
        const other = all[pattern]
        all[pattern] = other
          ? { value: join(other.value, entry.value), isDetailed: other.isDetailed && entry.isDetailed }
          : entry
        weights.set(pattern, Math.max(weight, weights.get(pattern) ?? 0))
      },
      compile: (): Patterns<Entry<T>> => compilePatterns(all, (pattern) => weights.get(pattern)!),
    }
  }

/** Returns the readings of a pattern, or of a URI that is none. */
function readingsOf(pattern: string): Readings {
  if (!pattern.includes('*')) return spell(pattern)?.whole ?? { urls: [pattern], paths: [] }
  const urls = new Set([withPlainScheme(pattern)])
  // The loop also visits what it adds. An encoded `*` stays one.
  for (const url of urls)
    for (const one of [
      url.replace(/(?:(?!%2a)%[0-9a-f]{2})+/gi, decoded),
      composed(url),
      withParsedHost(url),
    ])
      urls.add(withPlainScheme(withPlainHost(one)))
  return { urls: [...urls], paths: [...urls].map(asPathPattern) }
}

/** Returns a pattern with the host that a URL parser reads, if the host is no pattern. */
function withParsedHost(pattern: string): string {
  const [start = ''] = /^(?:https?|wss?|ftp):\/\/[^/\\?#*]*(?=[/\\?#])/.exec(pattern) ?? []
  const url = parseUrl(start)
  return url ? url.href.slice(0, -1) + pattern.slice(start.length) : pattern
}

/** Returns a pattern for URIs that are read as a path. */
const asPathPattern = (pattern: string): string => {
  const [, scheme = '', path = ''] = /^([^/?#:]*:)?(.*)$/s.exec(pattern) ?? []
  return scheme + path.replace(/\/{2,}/g, '/').replace(/^\//, '')
}

/** Adds each URI that is no pattern with a slash at its end, or without the one that it has. */
export const withSlashes = <T>(table: Readonly<Record<string, T>>): Record<string, T> => {
  const toggled = Object.entries(table)
    .filter(([uri]) => !uri.includes('*') && !uri.includes('?'))
    .map(([uri, value]) => [uri.endsWith('/') ? uri.slice(0, -1) : `${uri}/`, value] as const)
  return { ...Object.fromEntries(toggled), ...table }
}
