import { authenticateClient } from '../clients/authenticate-client.ts'
import { clientFinder } from '../clients/client-by-grant.ts'
import { reportEnd } from '../connections/report-end.ts'
import type { Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type Grant, providerOf, revokeAccess } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import { type Owner, ownerOf } from '../grants/owner.ts'
import { readForm } from '../http/params.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import { countFailures } from './rate-limit.ts'

/**
 * Revokes a refresh token, and with it the grant, or the access tokens of a grant. What is not the client's own
 * token is answered alike: with 200 and no effect.
 *
 * @see [RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2)
 */
export const revokeEndpoint: Endpoint = async (request, ctx, call) => {
  const { fields } = await readForm(request)
  const found = recognise(ctx, fields.token ?? '')
  const find = clientFinder(ctx, () => found && { key: found.key, isReal: () => true })
  const client = await countFailures(ctx, call, find, (find) =>
    authenticateClient(request.headers.get('authorization'), fields, { find, verify: ctx.clients.verify }),
  ).catch(notItsOwn)
  if (fields.token === undefined)
    throw new OAuthError('invalid_request', 'The token is missing', {
      reason: 'missing-parameter',
      detail: 'token',
    })
  if (!client) return done()
  if (found) {
    const { key, kind } = found
    const tenant = await ctx.upstreams.tenantOf(request)
    let owner: Owner | undefined
    const outcome = await ctx.grants.change(key, (grant: Grant) => {
      owner = undefined
      const foreign = grant.client !== client.key || (tenant && tenant.id !== providerOf(grant))
      if (foreign) return { type: 'keep', result: undefined }
      owner = ownerOf(key, grant)
      return kind === 'refresh' ? { type: 'end', reason: 'by-client' } : revokeAccess(grant)
    })
    if (owner && outcome.type !== 'missing') call.emit({ type: 'revoked', ...owner, detail: kind })
    if (outcome.type === 'ended') reportEnd(ctx, call, key, outcome)
  }
  return done()
}

const done = () =>
  new Response(null, { status: 200, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })

/** A token that is nobody's, or somebody else's, is no error here. */
function notItsOwn(error: unknown): undefined {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') throw error
}

/** By its form, whatever `token_type_hint` says. */
function recognise(
  { keyring, accessTokens, settings }: Context,
  token: string,
): { key: GrantKey; kind: 'refresh' | 'access' } | undefined {
  const refresh = parseRefreshToken(keyring, token)
  if (refresh) return { key: refresh.key, kind: 'refresh' }
  const access = accessTokens.open(token, settings.now())
  return access && { key: access.key, kind: 'access' }
}
