import { type HTMLElement, parse } from 'node-html-parser'
import { CookieJar } from 'tough-cookie'

/** What a browser shows after all redirects. */
export interface Shown {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly document: HTMLElement
}

/**
 * A browser without a screen: it keeps cookies, follows redirects and posts the forms that are really there. It
 * stops at an address that begins with `stopAt`, as a client waits at its own redirect URI.
 */
export class Browser {
  readonly jar: CookieJar
  readonly #fetch: typeof fetch
  /** Every address that was asked for, in order. */
  readonly visited: string[] = []
  /** The marks of forms that were sent, as the script of the page keeps them. */
  readonly #marks = new Set<string>()

  constructor(options: { fetch?: (request: Request) => Promise<Response>; jar?: CookieJar } = {}) {
    this.jar = options.jar ?? new CookieJar()
    const own = options.fetch
    this.#fetch = own ? (input, init) => own(new Request(input, init)) : fetch
  }

  /** One request with this browser's cookies, no redirect followed. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    const cookies = await this.jar.getCookieString(url)
    if (cookies) headers.set('cookie', cookies)
    this.visited.push(url)
    const response = await this.#fetch(url, { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) await this.jar.setCookie(cookie, url)
    return response
  }

  /** Goes to an address and follows redirects. @returns The page, or the address it stopped at. */
  async open(url: string, options: { stopAt?: string; init?: RequestInit } = {}): Promise<Shown | string> {
    let next = url
    let init = options.init
    for (let hops = 0; hops < 20; hops++) {
      if (options.stopAt !== undefined && next.startsWith(options.stopAt)) return next
      const response = await this.request(next, init)
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null) {
        return this.#goOn(await show(next, response), options)
      }
      await response.body?.cancel()
      next = new URL(location, next).href
      init = {}
    }
    throw new Error(`too many redirects at ${next}`)
  }

  /** Sends the form of a page that goes on by itself in the browser in which its user approved the request. */
  async #goOn(page: Shown, options: { stopAt?: string }): Promise<Shown | string> {
    const form = page.document.querySelector('form[data-mark]')
    const mark = form?.getAttribute('data-mark')
    if (!form?.getAttribute('action')?.endsWith('/finish') || !mark || !this.#marks.delete(mark)) return page
    return this.submit(page, {}, options)
  }

  /**
   * Fills in and submits the first form of a page.
   *
   * @param values Fields, and the button's name and value.
   * @param options.without Names of check boxes to untick.
   */
  async submit(
    page: Shown,
    values: Record<string, string>,
    { without = [], ...options }: { stopAt?: string; without?: readonly string[] } = {},
  ): Promise<Shown | string> {
    const form = page.document.querySelector('form')
    if (!form) throw new Error(`no form at ${page.url}: ${page.text.slice(0, 500)}`)
    const hidden = form
      .querySelectorAll('input[type=hidden]')
      .map((input) => [input.getAttribute('name')!, input.getAttribute('value') ?? ''])
    const checked = form
      .querySelectorAll('input[type=checkbox]')
      .filter((box) => box.hasAttribute('checked') && !box.hasAttribute('disabled'))
      .map((box) => [box.getAttribute('name')!, box.getAttribute('value') ?? 'on'])
    const body = new URLSearchParams({
      ...Object.fromEntries(hidden),
      ...Object.fromEntries(checked.filter(([name]) => !without.includes(name!))),
      ...values,
    })
    const mark = form.getAttribute('data-mark')
    if (mark !== undefined) this.#marks.add(mark)
    const action = new URL(form.getAttribute('action') ?? '', page.url).href
    const init = { method: 'POST', body, headers: { origin: new URL(page.url).origin } }
    return this.open(action, { ...options, init })
  }
}

async function show(url: string, response: Response): Promise<Shown> {
  const text = await response.text()
  return { url, status: response.status, headers: response.headers, text, document: parse(text) }
}

/** A page, where one was expected. */
export function asPage(shown: Shown | string): Shown {
  if (typeof shown === 'string') throw new Error(`expected a page, was sent to ${shown}`)
  return shown
}

/** An address, where one was expected. */
export function asUrl(shown: Shown | string): URL {
  if (typeof shown !== 'string') {
    throw new Error(`expected a redirect, got ${shown.status} at ${shown.url}: ${shown.text.slice(0, 2000)}`)
  }
  return new URL(shown)
}
