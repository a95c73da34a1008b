import * as v from 'valibot'

const text = v.pipe(v.string(), v.minLength(1))

export const scopeName: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'expected a scope without spaces'),
)

/** Scopes by name: what they mean in words, and what they need at the provider. */
export const ScopesSchema: v.GenericSchema<
  Readonly<Record<string, string | { description: string; upstream?: readonly string[]; default?: boolean }>>
> = v.record(
  scopeName,
  v.union(
    [
      text,
      v.strictObject({
        description: text,
        upstream: v.exactOptional(v.array(scopeName)),
        default: v.exactOptional(v.boolean()),
      }),
    ],
    'expected a text, or { description, upstream, default }',
  ),
)
