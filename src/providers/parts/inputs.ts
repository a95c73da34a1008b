import { isLoopbackHost } from '../../http/loopback.ts'
import { parseUrl } from '../../http/parse-url.ts'

/** A wrong value of one option of a provider. The message never quotes the value. */
export class WrongInput extends TypeError {
  /** The name of the option. */
  readonly input: string

  constructor(input: string, message: string) {
    super(message)
    this.input = input
  }
}

/** One option of a definition, such as a tenant. It is checked before any URL is made of it. */
export interface Input<In = unknown, Out = unknown, Required extends boolean = boolean> {
  readonly required: Required
  /** The expected value, as a phrase. */
  readonly expected: string
  /** No text can express it, so it has no environment variable. */
  readonly inCodeOnly?: boolean
  /**
   * @param given All options, because one may decide how another is read.
   * @throws {TypeError} `expected …`. The value is never quoted.
   */
  read(value: In | undefined, given?: Readonly<Record<string, unknown>>): Out
}

export type Inputs = Readonly<Record<string, Input<never, unknown>>>

type OutOf<T> = T extends Input<never, infer Out> ? Out : never
type InOf<T> = T extends { read(value: infer In): unknown } ? Exclude<In, undefined> : never
type RequiredKeys<I extends Inputs> = {
  [K in keyof I]: I[K]['required'] extends true ? K : never
}[keyof I]

/** The checked values of a definition's inputs. */
export type InputValues<I extends Inputs> = { readonly [K in keyof I]: OutOf<I[K]> }

/** The values that an operator gives. */
export type InputOptions<I extends Inputs> = { [K in RequiredKeys<I>]: InOf<I[K]> } & {
  [K in Exclude<keyof I, RequiredKeys<I>>]?: InOf<I[K]> | undefined
}

/** A required text that fits. */
export function text(
  expected: string,
  accepts: RegExp | ((value: string) => boolean),
): Input<string, string, true> {
  return {
    required: true,
    expected,
    read(value) {
      const fits =
        typeof value === 'string' && (accepts instanceof RegExp ? accepts.test(value) : accepts(value))
      if (!fits) throw new TypeError(`expected ${expected}`)
      return value
    },
  }
}

/** An optional value. */
export const optional = <In, Out>(input: Input<In, Out>): Input<In, Out | undefined, false> => ({
  required: false,
  expected: input.expected,
  read: (value, given) => (value === undefined ? undefined : input.read(value, given)),
})

/** An optional value with a default. */
export const withDefault = <In, Out>(input: Input<In, Out>, value: In): Input<In, Out, false> => ({
  required: false,
  expected: input.expected,
  read: (given) => input.read(given ?? value),
})

/** A list, as an array or as one text separated by commas or blanks. */
export const list = <Out>(input: Input<string, Out>): Input<string | readonly string[], Out[], true> => ({
  required: true,
  expected: `a list, each ${input.expected}`,
  read(value) {
    const items = typeof value === 'string' ? value.split(/[\s,]+/).filter(Boolean) : value
    if (!Array.isArray(items) || items.length === 0)
      throw new TypeError(`expected a list, each ${input.expected}`)
    return items.map((item: string) => input.read(item))
  },
})

export const oneOf = <T extends string>(...values: readonly T[]): Input<T, T, true> => ({
  required: true,
  expected: values.map((value) => `\`${value}\``).join(' or '),
  read(value) {
    const found = values.find((one) => one === value)
    if (found === undefined) throw new TypeError(`expected ${values.join(' or ')}`)
    return found
  },
})

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'

/** Returns `true` if a URL may belong to a provider: https, or http on this machine, with only host and path. */
export function isProviderUrl(value: string, anyHttp = false): boolean {
  const url = parseUrl(value)
  if (!url || /[\s\\]/.test(value)) return false
  const { protocol, hostname, username, password, search, hash } = url
  const local = anyHttp || isLoopbackHost(hostname)
  const secure = protocol === 'https:' || (protocol === 'http:' && local)
  return secure && !(username || password || search || hash)
}

/** A URL, kept as it is written. */
export const url: Input<string, string, true> = text('an https URL without query', isProviderUrl)

/** A URL of a definition that has `dangerouslyAllowHttp`. */
export const anyUrl: Input<string, string, true> = {
  ...url,
  read(value, given) {
    const lenient = given?.dangerouslyAllowHttp === true && typeof value === 'string'
    return lenient && isProviderUrl(value, true) ? value : url.read(value)
  },
}

/** Refuses texts that are often taken for the right one, with words of their own. @param instead Completes "expected". */
export const except = (
  input: Input<string, string, true>,
  wrong: RegExp,
  instead: string,
): Input<string, string, true> => ({
  ...input,
  read(value, given) {
    if (typeof value === 'string' && wrong.test(value)) throw new TypeError(`expected ${instead}`)
    return input.read(value, given)
  },
})

/** Refuses the address of a metadata document, which is often taken for the issuer. */
const asIssuer = (input: Input<string, string, true>): Input<string, string, true> =>
  except(input, /\/\.well-known\//, 'the issuer, which is the part of this URL before `/.well-known/`')

/** The URL of an issuer, kept as it is written. */
export const issuerUrl: Input<string, string, true> = asIssuer(url)

/** The URL of an issuer, of a definition that has `dangerouslyAllowHttp`. */
export const anyIssuerUrl: Input<string, string, true> = asIssuer(anyUrl)

/** A switch, with its default. */
export const flag = (byDefault: boolean): Input<boolean, boolean, false> => ({
  required: false,
  expected: 'true or false',
  inCodeOnly: true,
  read(value) {
    if (value !== undefined && typeof value !== 'boolean') throw new TypeError('expected true or false')
    return value ?? byDefault
  },
})

/** The switch that allows http on any host. A variable can set it, too. */
export const dangerouslyAllowHttp: Input<boolean, boolean, false> = { ...flag(false), inCodeOnly: false }

/** A URL to which paths are appended, without its last slash. */
export const baseUrl: Input<string, string, true> = {
  ...url,
  read: (value) => url.read(value).replace(/\/+$/, ''),
}

/** A base URL of a definition that has `dangerouslyAllowHttp`. */
export const anyBaseUrl: Input<string, string, true> = {
  ...anyIssuerUrl,
  read: (value, given) => anyIssuerUrl.read(value, given).replace(/\/+$/, ''),
}

/** A host name with at least one dot, no scheme and no path. */
export const host: Input<string, string, true> = text(
  'a host name such as `id.example.com`',
  new RegExp(`^${LABEL}(?:\\.${LABEL})+$`),
)

/** One part of a host name. */
export const label: Input<string, string, true> = text(
  'one part of a host name: small letters, digits and -',
  new RegExp(`^${LABEL}$`),
)

/** One segment of a path. */
export const segment: Input<string, string, true> = text(
  'letters, digits, `.`, `_` and `-`',
  /^(?!\.+$)[\w.-]{1,128}$/,
)

export const GUID: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export const guid: Input<string, string, true> = text('a GUID', GUID)

/** Any text on one line. */
export const anyText: Input<string, string, true> = text('a text', /^[^\r\n]+$/)

/** Returns `true` for the name of a claim, a list of such names, or nothing. */
export const isClaims = (value: unknown): boolean =>
  value === undefined || [value].flat().every((name) => typeof name === 'string' && name !== '')
