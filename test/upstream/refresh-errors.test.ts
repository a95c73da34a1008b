import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { describe, expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import type { ProviderParts, RefreshErrorRule } from '../../src/providers/provider.ts'
import { UpstreamUnavailable } from '../../src/upstream/unavailable.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { faultsOf } from '../support/provider-faults.ts'

interface Refused {
  readonly status?: number
  readonly body?: unknown
  readonly text?: string
}

/** Refreshes at a provider that refuses. @returns The error that the connection gets. */
async function refused(
  { status = 400, body, text }: Refused,
  own: { refreshErrors?: readonly RefreshErrorRule[]; overrides?: ProviderParts } = {},
): Promise<OAuthError> {
  const provider = oauth2({
    clientId: 'client',
    clientSecret: 'secret',
    authorizationEndpoint: 'https://plain.example.com/authorize',
    tokenEndpoint: 'https://plain.example.com/token',
    userinfoEndpoint: 'https://plain.example.com/me',
    ...own,
  })
  const upstream = createUpstream(provider, {
    fetch: async () => new Response(text ?? JSON.stringify(body), { status }),
    now: () => 1_800_000_000,
    redirectUri: 'https://proxy.example.com/callback',
  })
  const error = await upstream
    .refresh({ accessToken: 'a', refreshToken: 'r' })
    .catch((reason: unknown) => reason)
  if (!(error instanceof OAuthError)) throw new Error(`not refused: ${JSON.stringify(error)}`)
  return error
}

/** Returns the meaning that a refusal was given. */
function meaningOf(error: OAuthError): string {
  if (error.code === 'invalid_grant') return 'final'
  if (!(error instanceof UpstreamUnavailable)) return error.code
  if (error.reason === 'provider-refuses-application') return 'configuration'
  return error.effect === 'none' ? 'transient' : 'unclear'
}

describe('without rules of its own', () => {
  test.each([
    ['invalid_grant', 'final'],
    ['interaction_required', 'final'],
    ['login_required', 'final'],
    ['consent_required', 'final'],
    ['account_selection_required', 'final'],
    ['unmet_authentication_requirements', 'final'],
    ['temporarily_unavailable', 'transient'],
    ['server_error', 'transient'],
    ['slow_down', 'transient'],
    ['invalid_client', 'configuration'],
    ['unauthorized_client', 'configuration'],
    ['unsupported_grant_type', 'configuration'],
    ['access_denied', 'transient'],
    ['a_word_of_its_own', 'transient'],
  ])('%s is %s, with any status', async (error, means) => {
    for (const status of [200, 400, 401, 403])
      expect(meaningOf(await refused({ status, body: { error } }))).toBe(means)
  })

  test('429 and 5xx are temporary before any error is read', async () => {
    for (const status of [429, 500, 502, 503]) {
      const error = await refused({ status, body: { error: 'invalid_grant' } })
      expect(error).toBeInstanceOf(UpstreamUnavailable)
    }
  })

  test('a refusal without a code leaves the grant alive, and its outcome is unclear', async () => {
    for (const body of [{ error: true }, { message: 'no' }, { error: { code: 'invalid_grant' } }])
      expect(meaningOf(await refused({ body }))).toBe('unclear')
    expect(meaningOf(await refused({ status: 404, text: '<html>' }))).toBe('unclear')
  })
})

describe('a rule', () => {
  const by = (...refreshErrors: RefreshErrorRule[]) => ({ refreshErrors })

  test('is compared in order, before the common ones', async () => {
    const own = by(
      { error: 'invalid_grant', description: /being processed/, means: 'transient', again: 1 },
      { error: 'invalid_grant', description: /network/, means: 'configuration' },
    )
    const of = (error_description: string) =>
      refused({ body: { error: 'invalid_grant', error_description } }, own)
    expect(await of('already being processed')).toMatchObject({ again: 1, effect: 'none' })
    expect(meaningOf(await of('outside of the network'))).toBe('configuration')
    expect(meaningOf(await of('expired'))).toBe('final')
  })

  test.each<[string, RefreshErrorRule, Refused, boolean]>([
    ['a code', { error: 'gone', means: 'final' }, { body: { error: 'gone' } }, true],
    ['a code in other case', { error: 'GONE', means: 'final' }, { body: { error: 'Gone' } }, true],
    ['one of several codes', { error: ['a', 'b'], means: 'final' }, { body: { error: 'b' } }, true],
    ['another code', { error: 'gone', means: 'final' }, { body: { error: 'goner' } }, false],
    ['no code', { error: 'gone', means: 'final' }, { body: {} }, false],
    ['a status', { status: 403, means: 'final' }, { status: 403, body: {} }, true],
    ['one of several statuses', { status: [401, 403], means: 'final' }, { status: 401, body: {} }, true],
    ['another status', { status: 403, means: 'final' }, { status: 400, body: {} }, false],
    [
      'a description',
      { description: /is invalid/, means: 'final' },
      { body: { error_description: 'token is invalid' } },
      true,
    ],
    [
      'a message',
      { description: /is invalid/, means: 'final' },
      { body: { message: 'it is invalid' } },
      true,
    ],
    [
      'the text of a page',
      { status: 403, description: /refresh_token is invalid/, means: 'final' },
      { status: 403, text: 'refresh_token is invalid' },
      true,
    ],
    ['a member', { body: { 'a.b': /^x$/ }, means: 'final' }, { body: { a: { b: 'x' } } }, true],
    ['a boolean', { body: { error: /^true$/ }, means: 'final' }, { body: { error: true } }, true],
    ['a member that is missing', { body: { 'a.b': /x/ }, means: 'final' }, { body: { a: 1 } }, false],
    [
      'one of two conditions',
      { error: 'denied', status: 403, means: 'final' },
      { status: 400, body: { error: 'denied' } },
      false,
    ],
    ['an empty response', { status: 409, means: 'final' }, { status: 409, text: '' }, true],
  ])('that names %s: matches %j against %j: %s', async (_name, rule, response, matches) => {
    expect(meaningOf(await refused(response, by(rule))) === 'final').toBe(matches)
  })

  test('reads the code at the place that the definition names', async () => {
    const overrides = { answer: { error: ['error_code', 'category'] } }
    const own = { ...by({ error: 'token_gone', means: 'final' }), overrides }
    expect(meaningOf(await refused({ body: { code: 400, error_code: 'token_gone' } }, own))).toBe('final')
    expect(meaningOf(await refused({ body: { category: 'TOKEN_GONE' } }, own))).toBe('final')
    expect(meaningOf(await refused({ body: { other: 'token_gone' } }, own))).toBe('unclear')
  })

  test('whose words match puts none of them into an event', async () => {
    const own = by({ description: /canary/, means: 'final' })
    const error = await refused({ body: { error: 'x', error_description: 'canary' } }, own)
    expect(error.code).toBe('invalid_grant')
    expect(`${error.detail} ${error.message}`).not.toContain('canary')
  })

  test.each<[unknown, RegExp]>([
    ['x', /list of rules/],
    [[{}], /`means`/],
    [[{ means: 'final' }], /matches everything/],
    [[{ error: 'x', means: 'over' }], /`means`/],
    [[{ error: 1, means: 'final' }], /`error`/],
    [[{ status: '400', means: 'final' }], /`status`/],
    [[{ description: 'x', means: 'final' }], /`description`/],
    [[{ description: /x/g, means: 'final' }], /`description`/],
    [[{ body: { a: 'x' }, means: 'final' }], /`body`/],
    [[{ error: 'x', mean: 'final', means: 'final' }], /`mean`/],
    [
      [
        { error: 'x', means: 'final' },
        { error: 'y', means: '' },
      ],
      /number 1/,
    ],
  ])('that is wrong is refused where it is written: %j', (refreshErrors, message) => {
    const options = { clientId: 'c', issuer: 'https://id.example.com', refreshErrors: refreshErrors as never }
    expect(faultsOf(oidc(options))).toMatch(message)
  })
})

describe('the event of a refusal', () => {
  test('has the codes of Microsoft and Google, and nothing else', async () => {
    const error_description =
      'AADSTS50076: Due to a configuration change, you must use multi-factor. Trace ID: 1a2b-canary AADSTS7000215.'
    const error = await refused({
      body: {
        error: 'interaction_required',
        error_description,
        suberror: 'basic_action',
        trace_id: 'canary',
      },
    })
    expect(error.detail).toBe('interaction_required AADSTS50076 AADSTS7000215 basic_action')
    const google = await refused({ body: { error: 'invalid_grant', error_subtype: 'invalid_rapt' } })
    expect(google.detail).toBe('invalid_grant invalid_rapt')
  })

  test('has the status if there is no code', async () => {
    expect((await refused({ status: 404, body: {} })).detail).toBe('status 404')
  })
})
