import { createProxy, type ProxyOptions, type Texts } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'
import { waysToConnect } from '../../src/pages/connect.ts'
import { ENGLISH } from '../../src/pages/texts.ts'
import { contrast, onDark } from '../../src/pages/theme.ts'

const create = (options: Partial<ProxyOptions>) =>
  createProxy({
    url: 'https://mcp.example.com',
    secret: 'cP1pZpYxT0vQn5Ew8sKf2dRj7uHm4bLa',
    upstream: oidc({ issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' }),
    storage: memory(),
    mcp: () => new Response(),
    ...options,
  })

const home = async (options: Partial<ProxyOptions>) => {
  const response = await create(options).fetch(new Request('https://mcp.example.com/'))
  return { html: await response.text(), policy: response.headers.get('content-security-policy') ?? '' }
}

describe('a theme', () => {
  test.each([
    ['https://www.example.com/logo.svg', 'https://www.example.com/logo.svg'],
    ['data:image/png;base64,iVBORw0KGgo=', 'data:'],
  ])('with the logo %s allows that image and no other', async (logo, source) => {
    const { html, policy } = await home({ theme: { logo } })
    expect(html).toContain(`<img src="${logo}"`)
    expect(policy.split(';').map((one) => one.trim())).toContain(`img-src ${source}`)
  })

  test.each([
    'http://www.example.com/logo.svg',
    'https://www.example.com/logo.svg?v=1',
    'https://www.example.com/a;script-src *',
    'https://www.example.com/a,b',
    'https://www.example.com',
    'https://*/logo.svg',
    'https://www.example.com/../logo.svg',
    'data:text/html;base64,PGI+',
    'data:image/svg+xml,<svg>',
    'javascript:alert(1)',
  ])('cannot have the logo %s', (logo) => {
    expect(() => create({ theme: { logo } })).toThrow(/theme\.logo: expected an https address/)
  })

  test.each(['#ffffff', '#8ab4ff', '#f5a623'])(
    'cannot have the accent %s, which nobody could read',
    (accent) => {
      expect(() => create({ theme: { accent } })).toThrow(/theme\.accent: expected a darker colour/)
    },
  )

  test.each(['red', '#fff', '#12345', 'url(x)', '#1f5fd0;}'])('cannot have the accent %s', (accent) => {
    expect(() => create({ theme: { accent } })).toThrow(/theme\.accent: expected a colour such as/)
  })

  test.each(['#1f5fd0', '#000000', '#0b6e4f', '#b00020', '#5b2a86', '#0000ff'])(
    'with the accent %s can be read in light and dark',
    (accent) => {
      expect(contrast(accent, '#ffffff')).toBeGreaterThanOrEqual(4.5)
      for (const ground of ['#1b1f26', '#14171d', '#111318'])
        expect(contrast(onDark(accent), ground)).toBeGreaterThanOrEqual(4.5)
      expect(() => create({ theme: { accent } })).not.toThrow()
    },
  )
})

describe('texts', () => {
  test('replace those of the pages, escaped', async () => {
    const { html } = await home({ texts: { lang: 'ar', homeConnect: '<b>من</b>' } })
    expect(html).toContain('<html lang="ar" dir="rtl">')
    expect(html).toContain('&lt;b&gt;من&lt;/b&gt;')
  })

  test.each([
    [{ consentHeading: 'Allow access?' }, 'texts.consentHeading: expected a text with {server}'],
    [{ consentHeading: '{server} {secret}' }, 'texts.consentHeading: expected a text with {server}'],
    [{ allow: '{client}' }, 'texts.allow: expected a text without {placeholders}'],
    [{ allow: ' ' }, 'texts.allow: expected a text without {placeholders}'],
    [{ lang: 'x"onload' }, 'texts.lang: expected a language such as de or pt-BR'],
    [{ nonsense: 'x' }, 'texts.nonsense: is not a text of the pages'],
    [{ toString: 'x' }, 'texts.toString: is not a text of the pages'],
  ])('such as %j are refused', (texts, message) => {
    expect(() => create({ texts: texts as Partial<Texts> })).toThrow(message)
  })

  test('have values that cannot fill in others', async () => {
    const { html } = await home({ name: '{user} {button}' })
    expect(html).toContain('<h1>{user} {button}</h1>')
  })

  test('are all there to be replaced', () => {
    expect(() => create({ texts: ENGLISH })).not.toThrow()
  })
})

test('clients are told the very address, in a form that each of them takes', () => {
  const url = 'https://mcp.example.com/a/mcp'
  const ways = waysToConnect("Example's Tools; rm -rf /", url)
  const of = (name: string) => ways.find(({ client }) => client === name)!
  expect(of('Claude').snippet).toBe(url)
  expect(of('Claude Code').snippet).toBe(`claude mcp add --transport http example-s-tools-rm-rf ${url}`)
  expect(JSON.parse(/^code --add-mcp '(.*)'$/.exec(of('VS Code').snippet)![1]!)).toEqual({
    name: 'example-s-tools-rm-rf',
    type: 'http',
    url,
  })
  const code = new URL(of('VS Code').link!)
  expect(JSON.parse(decodeURIComponent(code.search.slice(1)))).toMatchObject({ type: 'http', url })
  const cursor = new URL(of('Cursor').link!)
  expect(JSON.parse(atob(cursor.searchParams.get('config')!))).toEqual({ url })
  expect(JSON.parse(of('mcp-remote').snippet).mcpServers['example-s-tools-rm-rf'].args).toEqual([
    '-y',
    'mcp-remote',
    url,
  ])
})

describe('at the address of an MCP server', () => {
  const get = async (headers: Record<string, string>, method = 'GET') => {
    const response = await create({}).fetch(new Request('https://mcp.example.com/mcp', { method, headers }))
    return {
      response,
      type: response.headers.get('content-type'),
      challenge: response.headers.get('www-authenticate'),
    }
  }
  const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

  test('a browser gets a page with the same refusal', async () => {
    const { response, type, challenge } = await get({ accept: BROWSER })
    expect([response.status, type]).toEqual([401, 'text/html; charset=utf-8'])
    expect(challenge).toBe((await get({})).challenge)
    expect(await response.text()).toContain('https://mcp.example.com/mcp')
  })

  test.each([
    ['that listens', { accept: 'text/event-stream' }],
    ['that takes anything', { accept: '*/*' }],
    ['that says nothing', {}],
    ['that takes both', { accept: 'application/json, text/event-stream, text/html' }],
    ['with a token', { accept: BROWSER, authorization: 'Bearer x' }],
  ])('a client %s gets the bare refusal', async (_name, headers) => {
    const { response, type, challenge } = await get(headers as Record<string, string>)
    expect([response.status, challenge?.startsWith('Bearer ')]).toEqual([401, true])
    expect(type).not.toBe('text/html; charset=utf-8')
  })

  test('so does one that posts', async () => {
    const { response, type } = await get({ accept: BROWSER }, 'POST')
    expect([response.status, type]).toEqual([401, null])
  })
})
