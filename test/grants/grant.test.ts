import { describe, expect, test } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import {
  type Grant,
  type Redemption,
  type Refresh,
  redeem,
  refresh,
  revokeAccess,
} from '../../src/grants/grant.ts'
import { tableOf } from '../support/scope-table.ts'

const NOW = 1_000_000
const rules = {
  accessTokenTtl: 3600,
  refreshTtl: 86_400,
  refreshGrace: 60,
  scopes: tableOf('read', 'write', 'admin'),
}
const verifier = 'v'.repeat(43)
const resource = 'https://proxy.test/mcp'

const code = { hash: digest('secret'), challenge: digest(verifier), redirectUri: 'https://client.test/cb' }
const used = { hash: code.hash, challenge: code.challenge }

/** Fresh from the callback: a code, not yet exchanged. */
const fresh: Grant = {
  client: 'client',
  clientName: 'A client',
  resource,
  scope: ['read', 'write'],
  refreshes: true,
  createdAt: NOW - 10,
  expiresAt: NOW + 50,
  origin: { type: 'sign-in', provider: 'oidc', code },
  generation: 0,
  rotatedAt: NOW - 10,
  epoch: 0,
  identity: 'sealed identity',
  connections: { oidc: { sealed: 'sealed tokens' } },
}

/** Exchanged and refreshed: the refresh token issued last is the fifth, at `NOW`. */
const rotated: Grant = {
  ...fresh,
  origin: { type: 'sign-in', provider: 'oidc', code: used },
  generation: 5,
  rotatedAt: NOW,
  expiresAt: NOW + rules.refreshTtl,
}

const refusal = (code: string, reason?: string) =>
  expect.objectContaining({ name: 'OAuthError', code, ...(reason !== undefined && { reason }) })

describe('a code', () => {
  const right: Redemption = {
    client: 'client',
    secretHash: digest('secret'),
    verifier,
    redirectUri: 'https://client.test/cb',
    resources: [],
  }
  const use = (changes: Partial<Redemption> = {}, grant = fresh, now = NOW) =>
    redeem(grant, { ...right, ...changes }, now, rules)

  test('is exchanged, and the record keeps nothing that could exchange it again', () => {
    const next = {
      ...fresh,
      origin: { type: 'sign-in', provider: 'oidc', code: used },
      generation: 1,
      rotatedAt: NOW,
      expiresAt: NOW + rules.refreshTtl,
    }
    expect(use()).toEqual({ type: 'write', grant: next, result: { grant: next, scope: ['read', 'write'] } })
  })

  test('may come without redirect_uri, and with the resource of the grant', () => {
    expect(use({ redirectUri: undefined })).toEqual(use())
    expect(use({ resources: [resource] })).toEqual(use())
  })

  test('leads to a grant that ends with its access token where nothing can be refreshed', () => {
    expect(use({}, { ...fresh, refreshes: false })).toMatchObject({
      grant: { expiresAt: NOW + rules.accessTokenTtl },
    })
  })

  test('leads to no grant beyond the end that was set', () => {
    expect(use({}, { ...fresh, endsAt: NOW + 100 })).toMatchObject({ grant: { expiresAt: NOW + 100 } })
  })

  const wrong: [string, Partial<Redemption>, string, string?][] = [
    ['another secret', { secretHash: digest('other') }, 'invalid_grant', 'unknown-code'],
    ['another client', { client: 'other' }, 'invalid_grant', 'code-of-another-client'],
    ['a malformed verifier', { verifier: 'short' }, 'invalid_grant', 'pkce-malformed'],
    ['no verifier', { verifier: '' }, 'invalid_grant', 'pkce-malformed'],
    ['another verifier', { verifier: 'w'.repeat(43) }, 'invalid_grant', 'wrong-code-verifier'],
    ['the challenge for the verifier', { verifier: code.challenge }, 'invalid_grant'],
  ]
  const wrongOnce: typeof wrong = [
    [
      'another redirect URI',
      { redirectUri: 'https://client.test/cb/' },
      'invalid_grant',
      'redirect-uri-mismatch',
    ],
    ['another resource', { resources: ['https://proxy.test/other'] }, 'invalid_target'],
    ['two resources', { resources: [resource, 'https://proxy.test/other'] }, 'invalid_target'],
  ]

  test.each([...wrong, ...wrongOnce])('stays good for its owner after %s', (_name, changes, code, reason) => {
    expect(() => use(changes)).toThrow(refusal(code, reason))
  })

  test('that comes twice in the same moment gets nothing the second time, and ends nothing', () => {
    const redeemed = { ...fresh, generation: 1, rotatedAt: NOW }
    for (const ago of [0, 1]) {
      expect(() => use({}, { ...redeemed, rotatedAt: NOW - ago })).toThrow(
        refusal('invalid_grant', 'code-used-twice-at-once'),
      )
    }
  })

  test('that is right in everything and comes a second time ends the grant', () => {
    const before = { ...rotated, generation: 1, rotatedAt: NOW - 2 }
    for (const grant of [rotated, before, { ...rotated, generation: 2, rotatedAt: NOW }]) {
      expect(use({}, grant)).toEqual({
        type: 'end',
        reason: 'code-replayed',
        error: refusal('invalid_grant', 'code-replayed'),
      })
    }
    expect(use({ redirectUri: undefined }, rotated)).toMatchObject({ type: 'end' })
  })

  test.each(wrong)('that is replayed with %s ends nothing', (_name, changes, code, reason) => {
    expect(() => use(changes, rotated)).toThrow(refusal(code, reason))
  })
})

describe('a refresh token', () => {
  const right: Refresh = { client: 'client', generation: 5, resources: [], scope: undefined }
  const use = (changes: Partial<Refresh> = {}, now = NOW + 1000, grant = rotated, own = rules) =>
    refresh(grant, { ...right, ...changes }, now, own)

  test('of the newest generation is rotated, and the end moves on', () => {
    const now = NOW + 1000
    const next = { ...rotated, generation: 6, rotatedAt: now, expiresAt: now + rules.refreshTtl }
    expect(use()).toEqual({ type: 'write', grant: next, result: { grant: next, scope: rotated.scope } })
  })

  test('moves the end no further than was set', () => {
    expect(use({}, NOW + 1000, { ...rotated, endsAt: NOW + 2000 })).toMatchObject({
      grant: { expiresAt: NOW + 2000 },
    })
  })

  test('ahead of the record is right: the store answered with an older one', () => {
    expect(use({ generation: 7 })).toMatchObject({ type: 'write', grant: { generation: 8 } })
    expect(use({ generation: 1 }, NOW, fresh)).toMatchObject({ type: 'write', grant: { generation: 2 } })
  })

  test.each([0, 1, 59, 60])('just rotated out gets the same successor again, %i s after', (seconds) => {
    expect(use({ generation: 4 }, NOW + seconds)).toEqual({
      type: 'keep',
      result: { grant: rotated, scope: rotated.scope },
    })
  })

  const reuse = {
    type: 'end',
    reason: 'refresh-token-reused',
    error: refusal('invalid_grant', 'refresh-token-reused'),
  }

  test('just rotated out ends the grant once the grace has passed', () => {
    expect(use({ generation: 4 }, NOW + 61)).toEqual(reuse)
  })

  test('from before the predecessor ends the grant at once', () => {
    for (const generation of [3, 2, 1]) expect(use({ generation }, NOW)).toEqual(reuse)
  })

  test('just rotated out ends the grant at once where there is no grace', () => {
    expect(use({ generation: 4 }, NOW, rotated, { ...rules, refreshGrace: 0 })).toEqual(reuse)
    expect(use({ generation: 5 }, NOW, rotated, { ...rules, refreshGrace: 0 })).toMatchObject({
      type: 'write',
    })
  })

  test('narrows the scope for once, and gets all of it again the next time', () => {
    const narrowed = use({ scope: 'read' })
    expect(narrowed).toMatchObject({
      type: 'write',
      grant: { scope: ['read', 'write'] },
      result: { scope: ['read'] },
    })
    const { grant } = narrowed as Extract<typeof narrowed, { type: 'write' }>
    expect(use({ generation: 6 }, NOW + 2000, grant)).toMatchObject({ result: { scope: ['read', 'write'] } })
    expect(use({ generation: 6, scope: 'write' }, NOW + 2000, grant)).toMatchObject({
      result: { scope: ['write'] },
    })
  })

  test.each([
    ['another client', { client: 'other' }, 'invalid_grant', 'refresh-token-of-another-client'],
    ['the number zero', { generation: 0 }, 'invalid_grant', 'refresh-token-not-issued'],
    ['another resource', { resources: ['https://proxy.test/other'] }, 'invalid_target'],
    ['a resource with a fragment', { resources: [`${resource}#x`] }, 'invalid_target'],
    ['a wider scope', { scope: 'read admin' }, 'invalid_scope'],
    ['a malformed scope', { scope: '\\' }, 'invalid_scope'],
  ])('with %s is refused and ends nothing, fresh or old', (_name, changes, code, reason?: string) => {
    expect(() => use(changes)).toThrow(refusal(code, reason))
    expect(() => use({ generation: 1, ...changes })).toThrow(refusal(code, reason))
  })

  test('of a grant that issues none is refused', () => {
    const none = { ...rotated, refreshes: false }
    expect(() => use({}, NOW, none)).toThrow(refusal('invalid_grant', 'refresh-token-not-issued'))
  })

  test('leaves the record it was judged by as it was', () => {
    const frozen = Object.freeze({ ...rotated, scope: Object.freeze([...rotated.scope]) })
    expect(() => use({ scope: 'read' }, NOW, frozen)).not.toThrow()
    expect(frozen).toEqual(rotated)
  })
})

test('ending access raises the epoch and changes nothing else', () => {
  expect(revokeAccess(rotated, NOW)).toEqual({
    type: 'write',
    grant: { ...rotated, epoch: NOW },
    result: undefined,
  })
  // A clock that was set back does not keep a token alive.
  const ahead = { ...rotated, epoch: NOW + 60 }
  expect(revokeAccess(ahead, NOW)).toMatchObject({ grant: { epoch: NOW + 61 } })
})
