import assert from 'node:assert/strict'
import fc from 'fast-check'
import { errorText } from '../../src/errors.ts'
import { describeApplicationError, describeError } from '../../src/events/describe-error.ts'
import { fixQuery } from '../../src/forward/query.ts'
import { claimedIdentity, requestHeaders } from '../../src/forward/request-headers.ts'
import { HOST_COOKIES, makeRoom, readCookies, setCookies } from '../../src/http/cookies.ts'
import { parseTarget } from '../../src/http/target.ts'
import { createLimits } from '../../src/limits/limits.ts'
import type { Identity } from '../../src/ports.ts'
import { isAllowed } from '../../src/protocol/allow.ts'
import { createResourceMatcher } from '../../src/protocol/resource-match.ts'
import { orOAuthError } from './or-oauth-error.ts'

/** Pieces of paths that have several readings. */
const PIECES = [
  ...'/ // . .. ; \\ % %2f %5c %2e %252e %252f %00 %0a %20 %61 %25 %3b %3f %23 %c0%af %c3%a9'.split(' '),
  ...'a ADMIN admin mcp x + : @ ~ - _ é ／ %EF%BC%8F %EF%BC%8E %E2%80%A5 %C4%B1 %E2%84%AA %C5%BF'.split(' '),
  '\t',
  ' ',
]
const match = createResourceMatcher([{ path: '/mcp' }, { path: '/mcp/admin' }], '')

/** A path that is accepted is what the URL parser makes of it, and no spelling of the inner server is the outer one's. */
export const paths = fc.property(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 7 }).map((pieces) => `/mcp/${pieces.join('')}`),
  (path) => {
    orOAuthError(() => {
      const accepted = parseTarget(path, 'proxy.test').path
      assert.equal(new URL(`http://proxy.test${path}`).pathname, accepted)
      const found = match(accepted, () => false)?.path
      const read = decodeURIComponent(accepted).normalize('NFKC').toLowerCase()
      assert.equal(found === '/mcp/admin', /^\/mcp\/admin(\/|$)/.test(read), `${path} is ${found}'s`)
    })
  },
)

/** Characters that a header's name may have, and those that CGI-like servers fold into one. */
const FOLDED = "-_.!#$%&'*+^`|~"
const OURS = ['x-lockgate-user-id', 'x-lockgate-scope', 'x-forwarded-for', 'x-real-ip', 'mcp-session-id']

const spelledHeader = fc
  .tuple(
    fc.constantFrom(...OURS),
    fc.array(fc.constantFrom(...FOLDED), { minLength: 8, maxLength: 8 }),
    fc.nat(),
  )
  .map(([name, characters, casing]) => {
    let at = 0
    const spelled = name.replace(/-/g, () => characters[at++ % characters.length]!)
    return [...spelled].map((one, n) => ((casing >> (n % 30)) & 1 ? one.toUpperCase() : one)).join('')
  })

/** No folding of a header of ours arrives with the client's value. */
export const headerNames = fc.property(fc.array(spelledHeader, { minLength: 1, maxLength: 6 }), (names) => {
  const source = new Headers(names.map((name): [string, string] => [name, 'forged']))
  const told = {
    identity: [['x-lockgate-user-id', 'real'] as const],
    authorization: undefined,
    session: 'real',
    address: '192.0.2.1',
    publicHost: 'proxy.test',
    publicScheme: 'https',
  }
  for (const [name, value] of requestHeaders(source, told)) assert.notEqual(value, 'forged', name)
  const claims = names.some((name) => /^x[^a-z]lockgate[^a-z]/i.test(name))
  assert.equal(claimedIdentity(source) !== undefined, claims)
})

const NAME = 'tenant'

/** Ways in which some parser reads a name as `tenant`. */
const spelledName = fc
  .tuple(
    fc.constantFrom('', '+', '%20', '%09', '[', '%5B', ']'),
    fc.array(fc.constantFrom('plain', 'upper', 'escape', 'twice', 'unicode', 'wide'), {
      minLength: NAME.length,
      maxLength: NAME.length,
    }),
    fc.constantFrom('', '[]', '[0]', '%5B%5D', '%00x', '+', '%20', ']', '[x'),
  )
  .map(([before, ways, after]) => {
    const letters = [...NAME].map((letter, n) => {
      const hex = letter.charCodeAt(0).toString(16)
      if (ways[n] === 'upper') return letter.toUpperCase()
      if (ways[n] === 'escape') return `%${hex}`
      if (ways[n] === 'twice') return `%25${hex}`
      if (ways[n] === 'unicode') return `%u00${hex}`
      if (ways[n] === 'wide') return encodeURIComponent(String.fromCharCode(letter.charCodeAt(0) + 0xfee0))
      return letter
    })
    return before + letters.join('') + after
  })

const fixed = fixQuery('?tenant=fixed')

/** No spelling of a fixed parameter gets through, and every other one does. */
export const queryNames = fc.property(
  spelledName,
  fc.constantFrom('=evil', '', '=', '=a=b'),
  fc.constantFrom('', '&', ';', '&&'),
  (name, value, before) => {
    const search = `?other=1${before === '' ? '&' : before}${name}${value}&tenants=2`
    const whole = fixed.with(search)
    assert.ok(whole.startsWith('?tenant=fixed&'), whole)
    assert.ok(!whole.includes(`${name}${value}&`), `${search} became ${whole}`)
    assert.ok(whole.endsWith('&tenants=2'), whole)
  },
)

/** Characters that become an ASCII letter by case or by normalisation. */
const CONFUSABLES: ReadonlyMap<string, readonly string[]> = (() => {
  const found = new Map<string, string[]>()
  for (let code = 0x80; code < 0xffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const one = String.fromCharCode(code)
    for (const form of [
      one.toLowerCase(),
      one.toUpperCase().toLowerCase(),
      one.normalize('NFKC').toLowerCase(),
    ])
      if (/^[a-z0-9@._-]$/.test(form)) found.set(form, [...(found.get(form) ?? []), one])
  }
  return found
})()

const RULES = ['mike@acme.test', '@acme.test', 'org:kiss', 'team:kiss/six', 'tenant:kiss/@acme.test']

const disguised = (text: string) =>
  fc.tuple(fc.nat(), fc.nat()).map(([where, which]) => {
    const places = [...text].flatMap((one, index) => (CONFUSABLES.has(one.toLowerCase()) ? [index] : []))
    const at = places[where % places.length]!
    const choices = CONFUSABLES.get(text[at]!.toLowerCase())!
    return text.slice(0, at) + choices[which % choices.length] + text.slice(at + 1)
  })

/** A user whose names only look like those of the rules is not admitted. */
export const rules = fc.property(
  disguised('mike@acme.test'),
  disguised('kiss'),
  disguised('six'),
  (email, organization, team) => {
    const user: Identity = {
      issuer: 'https://idp.test',
      tenant: organization,
      subject: '1',
      email,
      emailVerified: true,
      claims: { organizations: [organization], teams: [`kiss/${team}`], groups: [organization] },
    }
    assert.equal(isAllowed(user, RULES), false)
  },
)

const isPending = (name: string) => /^(consent|sign-in)-/.test(name)

/** Whatever sizes sign-ins have, the cookies of a browser stay within what servers read of a header. */
export const cookieSizes = fc.property(
  fc.array(fc.integer({ min: 1, max: 2800 }), { minLength: 1, maxLength: 30 }),
  (sizes) => {
    let jar = new Map<string, string>()
    sizes.forEach((size, index) => {
      const name = `sign-in-${String(index).padStart(22, '0')}`
      const header = [...jar].map(([key, value]) => `${key}=${value}`).join('; ')
      const cookies = readCookies(
        new Request('https://proxy.test/', { headers: { cookie: header } }),
        HOST_COOKIES,
      )
      const added = setCookies(HOST_COOKIES, name, 'x'.repeat(size), 600)
      jar = new Map(jar)
      for (const line of [...makeRoom(HOST_COOKIES, cookies, added, isPending), ...added]) {
        const [, key, value] = /^([^=]+)=([^;]*)/.exec(line)!
        if (/Max-Age=0/.test(line)) jar.delete(key!)
        else jar.set(key!, value!)
      }
      const sent = [...jar].map(([key, value]) => `${key}=${value}`).join('; ')
      assert.ok(sent.length < 4096 - 'cookie: '.length - 700, `${sent.length} bytes`)
      assert.ok(jar.has(HOST_COOKIES.prefix + name), 'the newest one is there')
    })
  },
)

const claim = fc.record({
  client: fc.oneof(fc.constantFrom('victim', '', ':', 'failures', '__proto__'), fc.string({ maxLength: 12 })),
  address: fc.option(fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8:0:1::/64', ''), { nil: undefined }),
})

/** A client that is shut out stays so, whatever keys an attacker picks meanwhile. */
export const limitKeys = fc.asyncProperty(fc.array(claim, { maxLength: 40 }), async (claims) => {
  const settings = {
    address: 5,
    client: 1000,
    user: 1000,
    failures: 3,
    anonymous: 5,
    streams: 10,
    allStreams: 10,
    limiter: undefined,
  }
  const limits = createLimits(settings, { uptime: () => 1000, emit: () => {}, issuer: 'https://proxy.test' })
  const shut = { client: 'shut', address: '198.51.100.7' }
  const wrong = { code: 'invalid_client', reason: 'wrong-client-secret' } as never
  let isShut = false
  for (let n = 0; n < 5; n++)
    await Promise.resolve(limits.failed(shut, wrong, true)).catch(() => (isShut = true))
  assert.ok(isShut)
  for (const one of claims) await Promise.resolve(limits.failed(one, wrong, true)).catch(() => {})
  assert.throws(() => limits.claimed(shut), { code: 'too_many_requests' })
  // Nothing that others did shuts a caller out at an address of its own.
  limits.claimed({ client: 'honest', address: '198.51.100.8' })
})

/** Texts of errors keep to the characters of OAuth, and events repeat no message that is not known. */
export const errorTexts = fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
  assert.match(errorText(text), /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/)
  const error = new Error(`canary ${text}`, { cause: new TypeError(`canary ${text}`) })
  assert.equal(describeError(error), 'Error ← TypeError')
  assert.ok(
    !describeApplicationError(new Error(`refused "${text.replaceAll('"', '')}canary"`)).includes('canary'),
  )
})
