import type * as v from 'valibot'
import { optionEntries } from './schema.ts'

/** One option that a single text can set, as the command line and the documents name it. */
export interface ScalarOption {
  /** Dotted, such as `redirectUris.customSchemes`. */
  readonly path: string
  readonly type: 'text' | 'number' | 'boolean' | 'list'
  readonly default: unknown
}

const SCALARS: Readonly<Record<string, ScalarOption['type']>> = {
  string: 'text',
  picklist: 'text',
  number: 'number',
  boolean: 'boolean',
  array: 'list',
}

/** Every option that needs no object or function: read from the schema, so that none is forgotten. */
export function scalarOptions(): ScalarOption[] {
  return Object.entries(optionEntries).flatMap(([name, schema]) => scalarsOf(name, schema))
}

function scalarsOf(path: string, schema: v.GenericSchema, fallback?: unknown): ScalarOption[] {
  const { type, wrapped, entries, options, item } = schema as v.GenericSchema & {
    wrapped?: v.GenericSchema & { default?: unknown }
    entries?: Readonly<Record<string, v.GenericSchema>>
    options?: readonly v.GenericSchema[]
    item?: v.GenericSchema
  }
  if (wrapped) return scalarsOf(path, wrapped, (schema as { default?: unknown }).default)
  if (entries) return Object.entries(entries).flatMap(([name, entry]) => scalarsOf(`${path}.${name}`, entry))
  if (type === 'union')
    return (options ?? []).map((option) => scalarsOf(path, option)).find(({ length }) => length > 0) ?? []
  const kind = SCALARS[type]
  if (!kind || (kind === 'list' && item?.type !== 'string')) return []
  return [{ path, type: kind, default: fallback }]
}
