import type { ConfigIssue } from '../errors.ts'
import { isTable } from '../validation/shape.ts'
import type { ProxyOptions } from './options.ts'

/** The ways in which a client proves itself. One is enough. */
const PROOFS = ['clientSecret', 'jwks', 'jwksUri']

/** Members that bound what others may do, by their option. Without a value there is no such bound. */
const BOUNDS: Readonly<Partial<Record<keyof ProxyOptions, readonly string[]>>> = {
  mcp: ['scopes', 'upstream', 'tools', 'prompts', 'resources', 'methods', 'authorize'],
  clients: [...PROOFS, 'scopes'],
  apiKeys: ['scopes'],
  trustedIssuers: ['scopes', 'resources', 'clients'],
  clientDocuments: ['hosts'],
}

const MESSAGE = 'is present but `undefined`, so it counts as not set: give it a value, or remove it'

const isGap = (object: object, name: string): boolean =>
  Object.hasOwn(object, name) && (object as Readonly<Record<string, unknown>>)[name] === undefined

/**
 * Returns a warning for each bound that is written down but has no value, as a missing variable leaves it. It
 * counts as not set, like every other option.
 */
export function undefinedBounds(options: ProxyOptions): ConfigIssue[] {
  const own = ['allow', 'registrationPolicy'].filter((name) => isGap(options, name))
  const members = Object.entries(BOUNDS).flatMap(([option, names]) =>
    entriesOf(option, options[option as keyof ProxyOptions]).flatMap(([path, entry]) => {
      const isProved = PROOFS.some((name) => entry[name] !== undefined)
      return names
        .filter((name) => isGap(entry, name) && !(isProved && PROOFS.includes(name)))
        .map((name) => `${path}.${name}`)
    }),
  )
  return [...own, ...members].map((path) => ({ path, message: MESSAGE }))
}

const entriesOf = (
  path: string,
  value: unknown,
): [path: string, entry: Readonly<Record<string, unknown>>][] =>
  Array.isArray(value)
    ? value.flatMap((one, index) => entriesOf(`${path}.${index}`, one))
    : isTable(value)
      ? [[path, value]]
      : []
