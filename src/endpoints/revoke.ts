import { authenticateClient, type ProvenClient, readCredentials } from '../clients/authenticate-client.ts'
import { findClient } from '../clients/client-by-grant.ts'
import { reportEnd } from '../connections/report-end.ts'
import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type Grant, providerOf, revokeAccess } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import { isOwn } from '../grants/own.ts'
import { type Owner, ownerOf } from '../grants/owner.ts'
import { readForm, required } from '../http/params.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import { asClient } from './rate-limit.ts'
import { openAccessToken } from './token/access-token.ts'

/**
 * Revokes a refresh token, and with it the grant, or the access tokens of a grant. A token that is unknown or another
 * client's gets the same response: 200 and no effect.
 *
 * @see [RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2)
 */
export const revokeEndpoint: Endpoint = async (request, ctx, call) => {
  const params = await readForm(request)
  const credentials = readCredentials(request.headers.get('authorization'), params.fields)
  const found = await recognise(ctx, params.fields.token ?? '')
  const prove = async () => {
    const show = () => found && { key: found.key, isReal: () => true }
    const claimed = await findClient(ctx, credentials.id, show)
    return authenticateClient(credentials, claimed, ctx.clients.verify)
  }
  // A client that registered itself may repeat this for ever.
  if (!found) await ctx.limits.tokenUnknown(call.address())
  const proven = await asClient(ctx, call, { id: credentials.id, prove }, async (proven) => proven).catch(
    ignoreInvalidGrant,
  )
  required(params, 'token')
  if (proven && found) await revoke(request, ctx, call, proven, found)
  else if (found?.kind === 'refresh') await endUnseen(ctx, found.key)
  return new Response(null, { status: 200, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
}

async function revoke(
  request: Request,
  ctx: Context,
  call: Call,
  { client, spend }: ProvenClient,
  { key, kind }: Recognised,
): Promise<void> {
  const tenant = await ctx.upstreams.tenantOf(request)
  const isForeign = (grant: Grant) =>
    !isOwn(ctx.settings, grant) ||
    grant.client !== client.key ||
    (tenant !== undefined && tenant.id !== providerOf(grant))
  const seen = await ctx.grants.find(key)
  if (seen && isForeign(seen.grant)) return
  await spend()
  let owner: Owner | undefined
  const outcome = await ctx.grants.change(
    key,
    (grant) => {
      owner = undefined
      if (isForeign(grant)) return { type: 'keep', result: undefined }
      owner = ownerOf(key, grant)
      return kind === 'refresh'
        ? { type: 'end', reason: 'revoked-by-client' }
        : revokeAccess(grant, ctx.settings.now())
    },
    seen,
  )
  if (owner && outcome.type !== 'missing') call.emit({ type: 'revoked', ...owner, detail: kind })
  if (outcome.type === 'ended') reportEnd(ctx, call, key, outcome)
  if (outcome.type === 'missing') await endUnseen(ctx, key)
}

/**
 * Ends a grant that an eventually consistent store does not show here yet. The token is genuine, so the grant may appear
 * later, and the client was told that it has ended.
 */
async function endUnseen({ grants }: Context, key: GrantKey): Promise<void> {
  if (grants.consistency === 'eventual' && !(await grants.load(key))) await grants.end(key)
}

/** Ignores `invalid_grant`: revoking an unknown or foreign token succeeds (RFC 7009 §2.2). */
function ignoreInvalidGrant(error: unknown): undefined {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') throw error
}

interface Recognised {
  readonly key: GrantKey
  readonly kind: 'refresh' | 'access'
}

/** Recognises a token by its form, regardless of `token_type_hint`. */
async function recognise(ctx: Context, token: string): Promise<Recognised | undefined> {
  const refresh = parseRefreshToken(ctx.keyring, token)
  if (refresh) return { key: refresh.key, kind: 'refresh' }
  const access = await openAccessToken(ctx, token)
  return access && { key: access.key, kind: 'access' }
}
