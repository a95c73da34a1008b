import assert from 'node:assert/strict'
import { LOOK_ALIKES, NOT_REGISTRABLE } from '../../protocol/redirect-uris.ts'
import { authorizeUrl, outcome, register } from '../../support/system.ts'
import { type Attacks, expectPage, openConsent, systemOf } from '../target.ts'

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Where answers go. */
export const redirectAttacks: Attacks = {
  async 'T10 nothing that only looks like a registered redirect URI is one'(target) {
    const system = systemOf(target)
    const client = await register(system, {
      redirect_uris: [
        'https://client.test/cb',
        'http://127.0.0.1:5555/callback',
        'https://client.test/q?tenant=a',
      ],
    })
    assert.ok(LOOK_ALIKES.length >= 40)
    for (const uri of LOOK_ALIKES) {
      const response = await system.call(authorizeUrl(system, { ...client, redirectUri: uri }))
      await expectPage(response, 400)
    }
    for (const uri of ['https://client.test/cb', 'http://127.0.0.1:7777/callback'])
      await expectPage(await system.call(authorizeUrl(system, { ...client, redirectUri: uri })), 200)
  },

  async 'T11 no scheme that runs or reads something is registered'(target) {
    const system = systemOf(target)
    for (const [name, uri] of NOT_REGISTRABLE) {
      const response = await system.call('/register', json({ redirect_uris: [uri] }))
      assert.deepEqual([name, ...(await outcome(response))], [name, 400, 'invalid_redirect_uri'])
    }
  },

  async 'T11 nor does a published document bring one'(target) {
    const system = systemOf(target)
    for (const [index, uri] of [
      'javascript:alert(1)',
      'DATA:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
    ].entries()) {
      const id = target.documents.publish(`/script-${index}.json`, { redirect_uris: [uri] })
      const url = authorizeUrl(system, { id, secret: undefined, redirectUri: uri })
      await expectPage(await system.call(url), 400)
    }
  },

  async 'T12 our own callback is no redirect URI'(target) {
    const atHome = systemOf(target, 'public')
    for (const path of ['/gate/callback', '/gate/consent', '/']) {
      const uri = `https://gate.example${path}`
      const response = await atHome.call('/register', json({ redirect_uris: [uri] }))
      assert.deepEqual(await outcome(response), [400, 'invalid_redirect_uri'])
    }
    const system = systemOf(target)
    const client = await register(system, {
      redirect_uris: [`${target.url}/callback`, 'https://client.test/cb'],
    }).catch(() => undefined)
    if (client) await expectPage(await system.call(authorizeUrl(system, client)), 400)
  },

  async 'T13 a loopback client needs PKCE, and the page says where the answer goes'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const response = await system.call(authorizeUrl(system, client, { code_challenge: undefined }))
    const answer = new URL(response.headers.get('location') ?? 'missing:')
    assert.equal(answer.searchParams.get('error'), 'invalid_request')
    const { page } = await openConsent(system, client)
    assert.match(page.text, /on this computer/)
  },

  async 'T14 a known name does not hide where the answer goes'(target) {
    const system = systemOf(target)
    const client = await register(system, {
      client_name: 'Claude\u202e\u200b\u0007\u3164\u2800',
      redirect_uris: ['https://evil.example/cb'],
    })
    const { page } = await openConsent(system, client)
    assert.ok(page.document.querySelectorAll('strong').some(({ text }) => text.includes('evil.example')))
    assert.match(page.text, /unverified/i)
    for (const hidden of ['\u202e', '\u200b', '\u0007', '\u3164', '\u2800'])
      assert.ok(!page.text.includes(hidden))
    const long = await system.call(
      '/register',
      json({ redirect_uris: ['https://a.example/'], client_name: 'x'.repeat(10_000) }),
    )
    // A long name is cut, so that it cannot push the rest of the page away.
    assert.equal(long.status, 201)
    const { client_name } = (await long.json()) as { client_name: string }
    assert.ok(client_name.length <= 100, `${client_name.length} characters`)
  },

  async 'T14 the page names the host that published a client'(target) {
    const system = systemOf(target)
    const id = target.documents.publish('/look-alike.json', { client_name: 'Claude' })
    const { page } = await openConsent(system, {
      id,
      secret: undefined,
      redirectUri: 'http://127.0.0.1:5555/callback',
    })
    assert.ok(page.text.includes(new URL(id).host))
  },

  async 'T15 no input becomes markup'(target) {
    const system = systemOf(target)
    for (const payload of PAYLOADS) {
      const client = await register(system, {
        client_name: payload.slice(0, 100),
        client_uri: 'https://evil.example/',
        redirect_uris: ['https://client.test/cb'],
      })
      const { browser, page } = await openConsent(system, client, { state: payload })
      const refused = await system.call(authorizeUrl(system, client, { scope: payload }))
      const failed = await browser.request(
        `${target.url}/callback?${new URLSearchParams({ error: payload, error_description: payload, state: payload })}`,
      )
      const wrong = await system.call(authorizeUrl(system, { ...client, id: payload }))
      for (const text of [page.text, await refused.text(), await failed.text(), await wrong.text()])
        harmless(text, payload)
      assert.match(failed.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    }
  },
}

const PAYLOADS = [
  '<script>alert(1)</script>',
  '"><script src=//evil.example/x.js></script>',
  "'><img src=x onerror=alert(1)>",
  '</title><svg/onload=alert(1)>',
  '" onmouseover="alert(1)" x="',
  '<a href="javascript:alert(1)">x</a>',
  '{{7*7}}<%= 7*7 %>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '<!--<script>-->',
  '\u2028<iframe src=https://evil.example>',
]

/** No element, attribute or address that came from outside. */
function harmless(text: string, payload: string): void {
  const lower = text.toLowerCase()
  for (const trace of ['<svg', '<img', '<iframe', 'href="javascript', '<!--<'])
    assert.ok(!lower.includes(trace), `${trace} from ${payload}`)
  for (const [tag] of text.matchAll(/<[a-z][^>]*>/gi)) {
    assert.doesNotMatch(tag, /\son\w+\s*=/i, `a handler from ${payload}`)
    assert.doesNotMatch(tag, /(?:href|src|action)="?\s*(?:https?:)?\/\/evil/i, `a link from ${payload}`)
  }
  for (const [script] of text.matchAll(/<script[\s\S]*?<\/script>/gi))
    assert.doesNotMatch(script, /alert\(1\)|evil/, `script from ${payload}`)
}
