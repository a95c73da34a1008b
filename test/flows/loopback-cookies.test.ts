import { CookieJar } from 'tough-cookie'
import { afterEach, expect, test } from 'vitest'
import { Browser } from '../support/browser.ts'
import { register, type System, signIn, startSystem } from '../support/system.ts'

let system: System | undefined
afterEach(() => system?.close())

/** A browser that keeps no `Secure` cookie from a plain http address, localhost included, as Safari does not. */
function strictBrowser({ proxy, url }: System): Browser {
  return new Browser({
    jar: new CookieJar(undefined, { allowSecureOnLocal: false }),
    fetch: (request) => (request.url.startsWith(url) ? proxy.fetch(request) : fetch(request)),
  })
}

test.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'https://mcp.test'])(
  'a browser that takes Secure cookies over https alone signs in at %s',
  async (url) => {
    system = await startSystem({ url })
    const browser = strictBrowser(system)
    const { code } = await signIn(system, await register(system), { browser })
    expect(code).not.toBe('')
  },
)
