import type { ProxyEvent } from 'lockgate'
import { expect, expectTypeOf, test, vi } from 'vitest'
import { createEmit, type NewEvent } from '../../src/events/event.ts'

type Of<Type extends ProxyEvent['type']> = Extract<ProxyEvent, { readonly type: Type }>

test('an event has the members of its type, and no others', () => {
  expectTypeOf<Of<'forwarded'>['duration']>().toEqualTypeOf<number>()
  expectTypeOf<Of<'forwarded'>['status']>().toEqualTypeOf<number>()
  expectTypeOf<Of<'grant-ended'>['grant']>().toEqualTypeOf<string>()
  expectTypeOf<Of<'issued'>['duration']>().toEqualTypeOf<undefined>()
  expectTypeOf<ProxyEvent['duration']>().toEqualTypeOf<number | undefined>()
})

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('broken')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('broken')
    },
  ],
])('a listener that %s stops no other listener, and no process', async (_, fail) => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  try {
    const heard: string[] = []
    const emit = createEmit([fail, ({ type }) => void heard.push(type)])
    emit({ type: 'denied', client: 'c', resource: 'https://mcp.test/mcp' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(heard).toEqual(['denied'])
    expect(unhandled).not.toHaveBeenCalled()
  } finally {
    process.off('unhandledRejection', unhandled)
  }
})

test('code that emits an event cannot forget or misplace a member', () => {
  const emit = (event: NewEvent) => event.type
  // @ts-expect-error a forwarded request has a duration
  emit({ type: 'forwarded', endpoint: '/mcp', resource: 'https://mcp.test/mcp', status: 200 })
  // @ts-expect-error a grant ends for a reason
  emit({ type: 'grant-ended', user: 'u', grant: 'u.g' })
  // @ts-expect-error only a forwarded request has a duration
  emit({ type: 'denied', client: 'c', resource: 'https://mcp.test/mcp', duration: 1 })
  expect(emit({ type: 'denied', client: 'c', resource: 'https://mcp.test/mcp' })).toBe('denied')
})
