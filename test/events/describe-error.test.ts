import fc from 'fast-check'
import { ConfigError, OAuthError } from 'lockgate'
import { describe, expect, test } from 'vitest'
import { FolderInUse } from '../../adapters/storage/folder-lock.ts'
import { StatedError } from '../../src/errors.ts'
import { describeApplicationError, describeError } from '../../src/events/describe-error.ts'

describe('the description of an error in an event', () => {
  test('repeats no message of an error that is not known, at any depth', () => {
    const message = fc.string({ minLength: 8, maxLength: 40 }).map((text) => `canary${text}`)
    const kind = fc.constantFrom(Error, TypeError, RangeError, SyntaxError)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, message), { minLength: 1, maxLength: 5 }),
        message,
        (chain, name) => {
          const error = chain.reduce<unknown>((cause, [Kind, text]) => new Kind(text, { cause }), undefined)
          expect(describeError(error)).not.toContain('canary')
          // Libraries also put texts where names and codes belong.
          const text = `a sentence: ${name}`
          const named = Object.assign(new Error('canary'), { name: text, code: text })
          expect(describeError(named)).not.toContain('canary')
        },
      ),
    )
  })

  test('repeats what the runtime says about a header without its value', () => {
    const token = 'secret\nof the provider'
    const thrown = (() => {
      try {
        return new Headers({ authorization: `Bearer ${token}` })
      } catch (error) {
        return error
      }
    })()
    expect(String(thrown)).toContain('secret')
    expect(describeError(thrown)).toBe('TypeError')
    expect(describeApplicationError(thrown)).not.toContain('secret')
  })

  test.each<[string, unknown, string]>([
    ['a refusal', new OAuthError('access_denied', 'Not on a Sunday'), 'OAuthError access_denied'],
    [
      'a wrong option',
      new ConfigError([{ path: 'a', message: 'b' }]),
      'ConfigError Lockgate cannot start:\n  a: b',
    ],
    ['a sentence of this package', new StatedError('a fixed sentence'), 'TypeError a fixed sentence'],
    [
      'a lock of another process',
      new FolderInUse('data is in use by process 7'),
      'FolderInUse data is in use by process 7',
    ],
    [
      'a permission of Deno, without what it is for',
      Object.assign(new Error('Requires read access to "/canary", run again with the --allow-read flag'), {
        name: 'NotCapable',
      }),
      'NotCapable --allow-read',
    ],
    [
      'a code',
      Object.assign(new Error('getaddrinfo host.internal'), { code: 'ENOTFOUND' }),
      'Error ENOTFOUND',
    ],
    [
      'causes',
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }),
      'TypeError fetch failed ← Error ECONNREFUSED',
    ],
    [
      'the code of Redis',
      Object.assign(new Error("WRONGPASS of 'canary'"), { name: 'ReplyError' }),
      'ReplyError WRONGPASS',
    ],
    [
      'what Deno says of a connection',
      new TypeError('error for url (https://canary/): client error (Connect): refused (os error 111)'),
      'TypeError client error (Connect), os error 111',
    ],
    ['no error', 'a text', 'string'],
    ['nothing', undefined, ''],
  ])('still says what happened by %s', (_name, error, text) => {
    expect(describeError(error)).toBe(text)
  })

  test('leaves out of the application’s own messages all that may be a value', () => {
    const values = [
      '"hunter2"',
      "'hunter2'",
      '`hunter2`',
      '"hunter2',
      'hunter2@example.com',
      'https://user:hunter2@host/x',
      'hunter2hunter2hunter2',
    ]
    for (const value of values) {
      const described = describeApplicationError(new Error(`the directory refused ${value}`))
      expect(described).toMatch(/^Error the directory refused …/)
      expect(described).not.toContain('hunter2')
    }
    expect(describeApplicationError(new Error('directory down'))).toBe('Error directory down')
    expect(describeApplicationError(new SyntaxError('Unexpected token in hunter2'))).toBe('SyntaxError')
  })
})
