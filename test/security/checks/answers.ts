import assert from 'node:assert/strict'
import { asPage, asUrl } from '../../support/browser.ts'
import { signInAtProvider } from '../../support/provider.ts'
import { authorizeUrl, register, signIn } from '../../support/system.ts'
import { type Attacks, exchanges, expectPage, systemOf } from '../target.ts'

/** Whose answer is whose. */
export const answerAttacks: Attacks = {
  async 'T26 every answer names the issuer of the metadata'(target) {
    const system = systemOf(target)
    const { origin, pathname } = new URL(target.url)
    const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`)).json()
    const { issuer } = metadata as { issuer: string }
    const client = await register(system)
    const { answer } = await signIn(system, client)
    assert.equal(answer.searchParams.get('iss'), issuer)
    const browser = system.browser()
    const page = asPage(await browser.open(authorizeUrl(system, client)))
    const denied = asUrl(await browser.submit(page, { decision: 'deny' }, { stopAt: client.redirectUri }))
    assert.equal(denied.searchParams.get('iss'), issuer)
    const wrong = await system.call(authorizeUrl(system, client, { response_type: 'token' }))
    assert.equal(new URL(wrong.headers.get('location') ?? '').searchParams.get('iss'), issuer)
  },

  async 'T27 an answer of another issuer, or with another sign-in’s code, is not exchanged'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const callback = async () => {
      const browser = system.browser()
      const consent = asPage(await browser.open(authorizeUrl(system, client)))
      const login = asPage(await browser.submit(consent, { decision: 'allow' }))
      const stopAt = `${target.url}/callback`
      return { browser, answer: asUrl(await signInAtProvider(browser, login, { stopAt })) }
    }
    const foreign = await callback()
    foreign.answer.searchParams.set('iss', 'https://evil.example')
    const asked = exchanges(target)
    const refused = await foreign.browser.request(foreign.answer.href)
    assert.ok(!(refused.headers.get('location') ?? '').includes('code='))
    assert.equal(exchanges(target), asked, 'the code was exchanged')
    const [attacker, victim] = [await callback(), await callback()]
    victim.answer.searchParams.set('code', attacker.answer.searchParams.get('code')!)
    const injected = await victim.browser.request(victim.answer.href)
    assert.ok(!(injected.headers.get('location') ?? '').includes('code='))
    await expectPage(await victim.browser.request(victim.answer.href), 403)
  },
}
