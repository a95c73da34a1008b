import { equal } from '../../crypto/compare.ts'
import { type Decision, type Grant, type Issue, redeem } from '../../grants/grant.ts'
import { assertUsable } from '../../grants/own.ts'
import { required } from '../../http/params.ts'
import { invalidGrant } from '../../refusals.ts'
import { parseCode } from '../../tokens/codes.ts'
import { assertTenant, changeGrant, resourcesOf, rulesOf, tokenResponse } from './exchange.ts'
import type { GrantType } from './grant-type.ts'

/** @see [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3) */
export const authorizationCode: GrantType = {
  name: 'authorization_code',
  notAllowed: 'grant-type-not-registered',
  isOffered: () => true,
  shown(_ctx, { fields }) {
    const code = parseCode(fields.code ?? '')
    if (!code) return undefined
    return {
      key: code.key,
      isReal: ({ origin }) => origin.type === 'sign-in' && equal(origin.code.hash, code.secretHash),
    }
  },
  async exchange(ctx, call, { client, spend }, params) {
    const code = required(params, 'code')
    const verifier = required(params, 'code_verifier')
    const parsed = parseCode(code)
    if (!parsed) throw invalidGrant('malformed-code')
    const { key, secretHash } = parsed
    // The user has approved a scope already. A `scope` parameter changes nothing, because clients repeat their request.
    const use = {
      client: client.key,
      secretHash,
      verifier,
      // OAuth 2.1 has no such parameter any more: PKCE binds the code. A value that is sent must be the right one.
      redirectUri: params.fields.redirect_uri,
      resources: resourcesOf(ctx, params),
    }
    const decide = (grant: Grant): Decision<Issue> => {
      assertUsable(ctx.settings, grant)
      assertTenant(grant, params)
      return redeem(grant, use, ctx.settings.now(), rulesOf(ctx))
    }
    const seen = await ctx.grants.find(key)
    if (!seen) throw invalidGrant('grant-not-found')
    decide(seen.grant)
    await spend()
    const issue = await changeGrant(ctx, call, key, decide, seen)
    return tokenResponse(ctx, call, key, issue, 'issued')
  },
}
