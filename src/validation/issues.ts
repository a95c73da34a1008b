import * as v from 'valibot'
import type { ConfigIssue } from '../errors.ts'

const PHRASES: Readonly<Record<string, string | ((requirement: unknown, isText: boolean) => string)>> = {
  array: 'expected a list',
  boolean: 'expected true or false',
  function: 'expected a function',
  integer: 'expected a whole number',
  loose_object: 'expected an object',
  max_length: (most, isText) => `expected at most ${most} ${isText ? 'characters' : 'entries'}`,
  max_value: (most) => `expected at most ${most}`,
  min_length: (least, isText) =>
    isText && least === 1
      ? 'must not be empty'
      : `expected at least ${least} ${isText ? 'characters' : least === 1 ? 'entry' : 'entries'}`,
  min_value: (least) => `expected at least ${least}`,
  number: 'expected a number',
  picklist: 'expected one of the values in the documentation',
  record: 'expected an object',
  string: 'expected text',
}

/**
 * Turns a valibot issue into one of Lockgate. The message says what is expected and never quotes the value,
 * because an option may be a secret.
 */
export function toIssue(issue: v.BaseIssue<unknown>): ConfigIssue {
  const path = v.getDotPath(issue) ?? ''
  if (issue.kind === 'schema' && issue.received === 'undefined') return { path, message: 'is required' }
  // Only the library's own messages begin with this word, and they quote the value.
  if (!issue.message.startsWith('Invalid ')) return { path, message: issue.message }
  if (issue.type === 'string' && issue.input instanceof URL)
    return { path, message: 'expected text: pass the `href` of the URL' }
  const phrase = PHRASES[issue.type] ?? 'is not valid'
  const message =
    typeof phrase === 'string' ? phrase : phrase(issue.requirement, typeof issue.input === 'string')
  return { path, message }
}
