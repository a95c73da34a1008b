import { createRequire } from 'node:module'
import { parse as parseLegacy } from 'node:querystring'
import { describe, expect, test } from 'vitest'
import { fixQuery } from '../../src/forward/query.ts'

/** The parser of Express with `query parser` set to `extended`. */
const qs = createRequire(createRequire(import.meta.url).resolve('express'))('qs') as {
  parse(text: string): Record<string, unknown>
}

const { with: add } = fixQuery('?tenant=fixed&role=user')

const READERS: Readonly<Record<string, (search: string) => unknown>> = {
  'the URL of runtimes': (search) => new URLSearchParams(search).getAll('tenant'),
  'Node’s own parser': (search) => parseLegacy(search.slice(1)).tenant,
  'the extended parser of Express': (search) => qs.parse(search.slice(1)).tenant,
}

describe('a parameter of the operator', () => {
  test.each([
    'tenant=evil',
    '%74enant=evil',
    '%2574enant=evil',
    '%u0074enant=evil',
    'TENANT=evil',
    'tenant[]=evil',
    'tenant[0]=evil',
    'tenant[a]=evil',
    '[tenant]=evil',
    '%5Btenant%5D=evil',
    ']tenant=evil',
    '+tenant=evil',
    'tenant+=evil',
    'tenant%00=evil',
    'tenant%00%ff=evil',
    '%EF%BD%94enant=evil',
    'tenant',
    'tenant=',
    'a=1;tenant=evil',
    'tenant=evil&tenant=worse',
  ])('is the only one that any parser reads: %s', (added) => {
    const whole = add(`?${added}&other=1`)
    expect(whole.startsWith('?tenant=fixed&role=user&')).toBe(true)
    expect(whole.endsWith('&other=1')).toBe(true)
    for (const [name, read] of Object.entries(READERS)) expect([read(whole)].flat(), name).toEqual(['fixed'])
  })

  test.each([
    'tenants=1',
    'x=tenant',
    'a=%zz',
    'x%20y=1',
    'q=a+b',
    'tenant_id=7',
    '%C3%A9=1',
    'my[tenant]=1',
  ])('leaves others as they are: %s', (added) => {
    expect(add(`?${added}`)).toBe(`?tenant=fixed&role=user&${added}`)
  })
})
