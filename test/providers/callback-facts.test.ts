import { createHmac } from 'node:crypto'
import { cloudflareAccess } from 'lockgate/providers/cloudflare-access'
import { stripe } from 'lockgate/providers/stripe'
import { afterEach, describe, expect, test } from 'vitest'
import { isSignedByHmac } from '../../src/providers/parts/signed-callback.ts'
import {
  CLIENT,
  callServer,
  connectImitated,
  type ImitatedSystem,
  signInImitated,
  startImitated,
} from '../support/imitation/system.ts'
import { register } from '../support/system.ts'
import { credentials } from './rows/row.ts'
import { ROWS, type Row } from './rows.ts'

let system: ImitatedSystem | undefined
afterEach(() => system?.close())

const rowOf = (name: string): Row => ROWS.find((row) => row.name === name)!

/** Signs in at one provider whose callback is changed on its way. */
async function signInWith(name: string, change: (answer: URLSearchParams) => void) {
  const { provider, profile } = rowOf(name)
  system = await startImitated(provider, profile)
  system.imitation.onCallback = change
  const { answer } = await signInImitated(system, await register(system))
  return {
    error: answer.searchParams.get('error'),
    asked: system.imitation.asked,
    reasons: system.events.flatMap(({ reason, detail }) => (reason ? [`${reason}: ${detail}`] : [])),
  }
}

describe('a signed authorization response (Shopify)', () => {
  test.each<[string, (answer: URLSearchParams) => void]>([
    ['without a signature', (answer) => answer.delete('hmac')],
    ['with an empty signature', (answer) => answer.set('hmac', '')],
    ['with the signature of another secret', (answer) => resign(answer, {}, 'another secret')],
    ['with another code', (answer) => answer.set('code', 'code-of-an-attacker')],
    ['of another shop', (answer) => answer.set('shop', 'evil.myshopify.com')],
    ['of another shop, signed', (answer) => resign(answer, { shop: 'evil.myshopify.com' })],
    ['with one more parameter', (answer) => answer.set('more', '1')],
    ['without its shop, signed', (answer) => resign(answer, { shop: undefined })],
  ])('%s is refused before its code is sent', async (_, change) => {
    const { error, asked, reasons } = await signInWith('shopify', change)
    expect(error).toBe('server_error')
    expect(asked).not.toContain('exchange')
    expect(reasons).toContain(
      'provider-response-invalid: the signature of the authorization response is invalid',
    )
  })

  test('is accepted in both encodings of its values', async () => {
    const client = { id: CLIENT.id, secret: CLIENT.secret }
    const params = new URLSearchParams({ code: 'a/b=c', host: 'x==', state: '1', shop: 'a.myshopify.com' })
    const sorted = [...params].sort()
    const written = sorted.map(([name, value]) => `${name}=${value}`).join('&')
    for (const message of [written, new URLSearchParams(sorted).toString()]) {
      const hmac = createHmac('sha256', CLIENT.secret).update(message).digest('hex')
      expect(await isSignedByHmac(new URLSearchParams({ ...Object.fromEntries(params), hmac }), client)).toBe(
        true,
      )
    }
  })

  test('does not cover the same text with another border between two parameters', async () => {
    const client = { id: CLIENT.id, secret: CLIENT.secret }
    const hmac = createHmac('sha256', CLIENT.secret).update('code=1&shop=a&state=s').digest('hex')
    expect(
      await isSignedByHmac(new URLSearchParams({ code: '1', shop: 'a', state: 's', hmac }), client),
    ).toBe(true)
    expect(await isSignedByHmac(new URLSearchParams({ code: '1&shop=a', state: 's', hmac }), client)).toBe(
      false,
    )
  })

  test('with a parameter twice is not signed', async () => {
    const params = new URLSearchParams({ code: '1', shop: 'a' })
    resign(params, {})
    const client = { id: CLIENT.id, secret: CLIENT.secret }
    expect(await isSignedByHmac(params, client)).toBe(true)
    params.append('shop', 'a')
    expect(await isSignedByHmac(params, client)).toBe(false)
  })

  test('needs a secret', async () => {
    const params = new URLSearchParams({ code: '1', hmac: '0'.repeat(64) })
    expect(await isSignedByHmac(params, { id: 'c', secret: undefined })).toBe(false)
  })
})

/** Changes parameters and signs anew. */
function resign(
  answer: URLSearchParams,
  changes: Readonly<Record<string, string | undefined>>,
  secret = CLIENT.secret,
): void {
  answer.delete('hmac')
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) answer.delete(name)
    else answer.set(name, value)
  const message = [...answer]
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&')
  answer.set('hmac', createHmac('sha256', secret).update(message).digest('hex'))
}

describe('a company that the callback names (QuickBooks)', () => {
  test.each<[string, (answer: URLSearchParams) => void]>([
    ['that the token does not open', (answer) => answer.set('realmId', '4620816365')],
    ['that is missing', (answer) => answer.delete('realmId')],
    ['that is a path', (answer) => answer.set('realmId', '../../v2/other')],
    ['that is empty', (answer) => answer.set('realmId', '')],
  ])('%s signs no user in', async (_, change) => {
    const { error, reasons } = await signInWith('quickbooks', change)
    expect(error).toBe('server_error')
    expect(reasons.join()).toMatch(/^identity-missing: /)
  })

  test('is part of the user: the same person of another company is another user', async () => {
    const { provider, profile } = rowOf('quickbooks')
    const company = 'GET https://quickbooks.api.intuit.com/v3/company/77/companyinfo/77'
    const api = { ...profile.api, [company]: () => ({ body: {} }) }
    system = await startImitated(provider, { ...profile, api })
    const first = await connectImitated(system)
    system.imitation.onCallback = (answer) => answer.set('realmId', '77')
    const second = await connectImitated(system)
    const users = [first, second].map(
      async ({ tokens }) => (await callServer(system!, tokens.access_token)).user,
    )
    const [one, other] = await Promise.all(users)
    expect(other!.id).not.toBe(one!.id)
    expect([one!.claims.realm, other!.claims.realm]).toEqual(['9130347957983546', '77'])
  })
})

test('test mode and live mode of one Stripe account are two users', async () => {
  const { profile } = rowOf('stripe')
  let livemode = true
  system = await startImitated(stripe(credentials), {
    ...profile,
    shape: (answer, about) => ({ ...profile.shape!(answer, about), livemode }),
  })
  const live = await connectImitated(system)
  livemode = false
  const trial = await connectImitated(system)
  const ids = [live, trial].map(
    async ({ tokens }) => (await callServer(system!, tokens.access_token)).user.id,
  )
  expect(new Set(await Promise.all(ids)).size).toBe(2)
})

test('a client id that would change the issuer of Cloudflare Access is refused', () => {
  const made = cloudflareAccess({ clientId: '../../evil', clientSecret: 's', team: 'acme' })
  expect(made.issuer).toBeUndefined()
})
