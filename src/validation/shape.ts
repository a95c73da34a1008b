import * as v from 'valibot'
import { unknownName } from './closest.ts'

/** The kinds of input that {@link byKind} tells apart. */
type Kind = 'text' | 'number' | 'boolean' | 'function' | 'list' | 'object'

function kindOf(input: unknown): Kind | undefined {
  if (Array.isArray(input)) return 'list'
  if (typeof input === 'string') return 'text'
  if (typeof input === 'object') return isTable(input) && !(input instanceof URL) ? 'object' : undefined
  const kind = typeof input
  return kind === 'number' || kind === 'boolean' || kind === 'function' ? kind : undefined
}

/** Returns whether a value is an object with members. A `Map` has entries instead, which would be lost without a word. */
export const isTable = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === 'object' && input !== null && !(Symbol.iterator in input)

/** The schemas of {@link byKind}, as other code may inspect them. */
export interface Branches {
  readonly branches: { readonly [K in Kind]?: v.GenericSchema }
}

/**
 * Creates a schema that picks its branch by the kind of the input, so that only the branch that fits reports issues.
 *
 * @param expected The message for an input of any other kind.
 */
export function byKind<In, Out = In>(
  branches: Branches['branches'],
  expected: string,
): v.GenericSchema<In, Out> & Branches {
  const other = v.custom<never>(() => false, expected)
  const schema = v.lazy((input) => branches[kindOf(input)!] ?? other)
  return Object.assign(schema as unknown as v.GenericSchema<In, Out>, { branches })
}

/**
 * Creates the schema of an object that reports every unknown name with the name that was probably meant. A member
 * that is `undefined` counts as absent, also in the output.
 */
export function shape<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<
  v.InferInput<v.ObjectSchema<Entries, undefined>>,
  v.InferOutput<v.ObjectSchema<Entries, undefined>>
> &
  Branches {
  const known = Object.keys(entries)
  const object = v.pipe(
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const input = dataset.value as Readonly<Record<string, unknown>>
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key) || value === undefined) continue
        const path: [v.ObjectPathItem] = [{ type: 'object', origin: 'key', input, key, value }]
        addIssue({ message: unknownName('an option', key, known), path })
      }
    }),
    v.transform((object) => withoutGaps(object)),
  )
  return byKind({ object: object as unknown as v.GenericSchema }, 'expected an object')
}

/** Copies an object without the members that are `undefined`. */
export const withoutGaps = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T

/** One schema for each option. */
export type Entries<Options, Parsed> = {
  readonly [Name in keyof Options]-?: v.GenericSchema<
    Options[Name],
    Name extends keyof Parsed ? Parsed[Name] : never
  >
}

/** Options with their defaults in place. An option without a default may still be absent. */
export type WithDefaults<Options, Defaults> = {
  readonly [Name in keyof Options as Name extends keyof Defaults ? Name : never]-?: Exclude<
    Options[Name],
    undefined
  >
} & { readonly [Name in keyof Options as Name extends keyof Defaults ? never : Name]: Options[Name] }

const isFunction = (input: unknown): boolean => typeof input === 'function'

/** Creates the schema of an option that is a function. */
export const hook = <T>(): v.GenericSchema<T> => v.custom<T>(isFunction, 'expected a function')

/** Creates the schema of an object that code made, such as a store, by the names of its members. */
export const made = <T>(names: readonly (keyof T & string)[], expected: string): v.GenericSchema<T> =>
  v.custom<T>(
    (input) => typeof input === 'object' && input !== null && names.every((name) => name in input),
    expected,
  )

/** Creates the schema of a choice between fixed words. */
export const choice = <const Words extends readonly string[]>(
  ...words: Words
): v.GenericSchema<Words[number]> =>
  v.picklist(words, `expected ${words.map((word) => `\`${word}\``).join(' or ')}`)

/** Creates the schema of a list. */
export const listOf = <T>(item: v.GenericSchema<T>, least = 0): v.GenericSchema<readonly T[]> =>
  v.pipe(v.array(item), v.minLength(least)) as unknown as v.GenericSchema<readonly T[]>

export const text: v.GenericSchema<string> = v.pipe(v.string(), v.minLength(1))

/** A name that people read, at most 100 characters. */
export const label: v.GenericSchema<string> = v.pipe(v.string(), v.minLength(1), v.maxLength(100))

export const flag: v.GenericSchema<boolean> = v.boolean()

/**
 * Creates the schema of a whole number between two bounds, both included.
 *
 * @param expected The message for what is no number.
 */
export const whole = (
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
  expected?: string,
): v.GenericSchema<number> => v.pipe(v.number(expected), v.integer(), v.minValue(least), v.maxValue(most))
