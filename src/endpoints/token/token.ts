import { authenticateClient, readCredentials } from '../../clients/authenticate-client.ts'
import { findClient } from '../../clients/client-by-grant.ts'
import type { Context, Endpoint } from '../../context.ts'
import { OAuthError } from '../../errors.ts'
import { type Params, readForm, required } from '../../http/params.ts'
import { asClient } from '../rate-limit.ts'
import type { ClaimedParty, GrantType } from './grant-type.ts'
import { offeredGrantTypes } from './grant-types.ts'

/**
 * Issues tokens. The checks are in the order of the lines below; the grant type makes its own ones last.
 *
 * @see [OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)
 */
export const tokenEndpoint: Endpoint = async (request, ctx, call) => {
  const params = await readForm(request)
  const type = grantTypeOf(ctx, params)
  const authorization = request.headers.get('authorization')
  const party = type.claim?.(ctx, authorization, params) ?? claimOf(ctx, authorization, params, type)
  return asClient(ctx, call, party, async (proven) => {
    const { client } = proven
    if (!client.grantTypes.includes(type.name)) throw notAllowed(type)
    const tenant = await ctx.upstreams.tenantOf(request)
    const response = await type.exchange(ctx, call, proven, { ...params, tenant })
    // Notes which of several secrets the ids follow, for as long as all of them are configured.
    const naming = ctx.userIds.naming()
    if (naming instanceof Promise) call.defer(naming)
    if (ctx.clients.stored) call.defer(ctx.clients.stored.keep(client.id))
    return response
  })
}

function claimOf(ctx: Context, authorization: string | null, params: Params, type: GrantType): ClaimedParty {
  const credentials = readCredentials(authorization, params.fields)
  return {
    id: credentials.id,
    async prove() {
      const found = await findClient(ctx, credentials.id, () => type.shown?.(ctx, params))
      return authenticateClient(credentials, found, ctx.clients.verify)
    },
  }
}

function grantTypeOf({ settings }: Context, params: Params): GrantType {
  const name = required(params, 'grant_type')
  const type = offeredGrantTypes(settings).find((one) => one.name === name)
  if (type) return type
  throw new OAuthError('unsupported_grant_type', 'The grant_type is not supported', {
    reason: 'unsupported-grant-type',
  })
}

const notAllowed = ({ name, notAllowed: reason }: GrantType) =>
  new OAuthError('unauthorized_client', `The client may not use the ${name} grant`, { reason })
