import * as v from 'valibot'
import type { Branches } from '../validation/shape.ts'
import { optionEntries } from './schema.ts'

/** An option that a single text can set, as the command line and the documents name it. */
export interface ScalarOption {
  /** The dotted path, such as `redirectUris.customSchemes`. */
  readonly path: string
  readonly type: 'text' | 'number' | 'boolean' | 'list'
  readonly default: unknown
  /** The only values, of an option that has a few. */
  readonly values?: readonly string[]
}

const SCALARS: Readonly<Record<string, ScalarOption['type']>> = {
  string: 'text',
  picklist: 'text',
  number: 'number',
  boolean: 'boolean',
  array: 'list',
}

/** Lists every option that needs no object or function. The list follows from the schema, so it is complete. */
export function scalarOptions(): ScalarOption[] {
  return Object.entries(optionEntries).flatMap(([name, schema]) => scalarsOf(name, schema))
}

function scalarsOf(path: string, schema: v.GenericSchema, fallback?: unknown): ScalarOption[] {
  const { type, wrapped, entries, branches, item, options } = schema as v.GenericSchema &
    Partial<Branches> & {
      wrapped?: v.GenericSchema
      entries?: Readonly<Record<string, v.GenericSchema>>
      item?: v.GenericSchema
      options?: readonly string[]
    }
  if (wrapped) return scalarsOf(path, wrapped, v.getDefault(schema as never))
  if (entries) return Object.entries(entries).flatMap(([name, entry]) => scalarsOf(`${path}.${name}`, entry))
  if (branches) {
    const kinds = Object.values(branches).map((branch) => scalarsOf(path, branch, fallback))
    return kinds.find(({ length }) => length > 0) ?? []
  }
  const kind = SCALARS[type]
  if (!kind || (kind === 'list' && item?.type !== 'string')) return []
  return [{ path, type: kind, default: fallback, ...(type === 'picklist' && options && { values: options }) }]
}
