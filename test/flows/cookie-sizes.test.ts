import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asPage, type Browser, type Shown } from '../support/browser.ts'
import { authorizeUrl, register, type System, startSystem, type TestClient } from '../support/system.ts'

/** Bytes that nginx reads of one header, and keeps of the head of a response, by default. */
const NGINX = 4096

let system: System
let clients: readonly TestClient[]

beforeAll(async () => {
  system = await startSystem({ limits: false, scopes: { read: 'Read', write: 'Write', admin: 'Administer' } })
  const long = `https://app.test/${'p'.repeat(700)}`
  clients = [await register(system), await register(system, { redirect_uris: [long] })]
})
afterAll(() => system.close())

/** Bytes of a response's head, without the `state` that goes back to the client: its length is the client's choice. */
const headOf = ({ headers }: Response): number => {
  const location = headers.get('location')
  const isBack = location?.startsWith('http://127.0.0.1:5555/') || location?.startsWith('https://app.test/')
  const echoed = isBack ? (new URL(location!).searchParams.get('state')?.length ?? 0) : 0
  return [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, -echoed)
}

/** One visit: a client asks, and the user leaves the page, or approves and leaves the provider's. */
const visit = fc.record({
  client: fc.nat(1),
  state: fc.oneof(fc.nat(40), fc.integer({ min: 200, max: 400 }), fc.integer({ min: 3000, max: 4096 })),
  scope: fc.subarray(['read', 'write', 'admin']),
  approves: fc.boolean(),
})
type Visit = typeof visit extends fc.Arbitrary<infer T> ? T : never

async function make(browser: Browser, { client, state, scope, approves }: Visit): Promise<Response[]> {
  const responses: Response[] = []
  const params = { state: 's'.repeat(state), ...(scope.length > 0 && { scope: scope.join(' ') }) }
  const url = authorizeUrl(system, clients[client]!, params)
  const first = await browser.request(url)
  responses.push(first)
  if (!approves || first.status !== 200) return responses
  const page = await shown(browser, url)
  const form = page.document.querySelector('form')!
  const fields = new URLSearchParams(
    form
      .querySelectorAll('input[type=hidden]')
      .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
  )
  fields.set('decision', 'allow')
  for (const one of scope) fields.append('scope', one)
  const headers = { origin: system.url, 'content-type': 'application/x-www-form-urlencoded' }
  responses.push(
    await browser.request(new URL(form.getAttribute('action') ?? '', url).href, {
      method: 'POST',
      body: fields.toString(),
      headers,
    }),
  )
  return responses
}

const shown = async (browser: Browser, url: string): Promise<Shown> => asPage(await browser.open(url))

test('our cookies together stay below 4 KB, and so does the head of each response, whatever was abandoned', {
  timeout: 120_000,
}, async () => {
  let largest = 0
  let approved = 0
  await fc.assert(
    fc.asyncProperty(fc.array(visit, { minLength: 1, maxLength: 12 }), async (visits) => {
      const browser = system.browser()
      for (const one of visits) {
        for (const response of await make(browser, one)) {
          if (response.status === 303) approved++
          expect(headOf(response)).toBeLessThan(NGINX)
          const sent = await browser.jar.getCookieString(system.url)
          largest = Math.max(largest, sent.length)
          expect(sent.length + 'cookie: '.length).toBeLessThan(NGINX)
        }
      }
    }),
    { numRuns: 25 },
  )
  // The property would be empty if no sign-in had started.
  expect(approved).toBeGreaterThan(10)
  expect(largest).toBeGreaterThan(1500)
})

test('the newest sign-in still ends, after many abandoned ones of any size', async () => {
  const browser = system.browser()
  for (const state of [4096, 300, 300, 4096, 0, 300, 300, 300, 300])
    await make(browser, { client: 0, state, scope: ['read'], approves: true })
  const names = (await browser.jar.getCookies(system.url)).map(({ key }) => key)
  const pending = names.filter((name) => name.includes('-sign-in-'))
  expect(pending.length).toBeGreaterThan(0)
  const url = authorizeUrl(system, clients[0]!, { state: 'x'.repeat(4096) })
  const login = asPage(await browser.submit(await shown(browser, url), { decision: 'allow' }))
  expect(new URL(login.url).origin).toBe(system.provider.issuer)
  const state = new URL(
    browser.visited.findLast((one) => one.includes('state=') && one.startsWith(system.provider.issuer))!,
  ).searchParams.get('state')
  const kept = (await browser.jar.getCookies(system.url)).map(({ key }) => key)
  expect(kept).toContain(`lockgate-sign-in-${state}`)
})
