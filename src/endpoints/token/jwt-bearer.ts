import { readToken } from '../../assertions/verifier.ts'
import {
  authenticateClient,
  type ClientCredentials,
  type ProvenClient,
  readCredentials,
} from '../../clients/authenticate-client.ts'
import type { Client } from '../../clients/client.ts'
import type { Context } from '../../context.ts'
import { OAuthError } from '../../errors.ts'
import { type Params, required } from '../../http/params.ts'
import type { Settings } from '../../options/options.ts'
import { type AssertionUse, isIdJag, issuerOf } from '../../protocol/assertion.ts'
import { JWT_BEARER_GRANT } from '../../protocol/client-document.ts'
import { invalidClient } from '../../refusals.ts'
import { seconds } from '../../timing.ts'
import type { GrantType } from './grant-type.ts'
import { exchangeIdJag } from './id-jag.ts'
import { exchangeWorkload, NO_CLIENT, WORKLOAD } from './workload.ts'

const NAME = JWT_BEARER_GRANT

/** Tells whether some issuer is trusted for a use at the token endpoint. */
const isOn = ({ trustedIssuers }: Settings, use: AssertionUse): boolean =>
  trustedIssuers.some((entry) => entry.use.includes(use))

const readAssertion = ({ fields }: Params) => readToken(fields.assertion ?? '')

/** Returns the use of an assertion by its type alone, so that it is judged by one set of rules (RFC 8725 §3.12). */
function useOf(params: Params): 'id-jag' | 'workload' {
  const read = readAssertion(params)
  return typeof read !== 'string' && isIdJag(read.header) ? 'id-jag' : 'workload'
}

/**
 * Exchanges an assertion of a trusted issuer for an access token: an ID-JAG of a client for a person, or the token of a
 * workload, which needs no client. There is no refresh token.
 *
 * @see [RFC 7521 §4.1](https://www.rfc-editor.org/rfc/rfc7521#section-4.1)
 */
export const jwtBearer: GrantType = {
  name: NAME,
  notAllowed: 'assertion-grant-refused',
  isOffered: (settings) => isOn(settings, 'id-jag') || isOn(settings, 'workload'),
  claim(ctx, authorization, params) {
    const { settings } = ctx
    const use = useOf(params)
    const needsClient = isOn(settings, 'id-jag') && (use === 'id-jag' || !isOn(settings, 'workload'))
    const credentials = credentialsOf(authorization, params, needsClient)
    const read = readAssertion(params)
    // A name that strangers choose must not fill the limiter.
    const isKnown = typeof read !== 'string' && ctx.assertions?.trusts(read, use) === true
    const issuer = isKnown ? issuerOf(read.claims) : undefined
    return {
      id: JSON.stringify([credentials?.id ?? WORKLOAD.id, issuer ?? '']),
      isStrict: true,
      prove: () => (needsClient ? proveClient(ctx, credentials!) : proveIfNamed(ctx, credentials)),
    }
  },
  async exchange(ctx, call, proven, params) {
    const assertion = required(params, 'assertion')
    return useOf(params) === 'id-jag'
      ? exchangeIdJag(ctx, call, proven, assertion, params)
      : exchangeWorkload(ctx, call, proven, assertion, params)
  },
}

/** Reads the credentials of a request, which a workload need not have. */
function credentialsOf(
  authorization: string | null,
  params: Params,
  needsClient: boolean,
): ClientCredentials | undefined {
  const { client_id, client_secret, client_assertion, client_assertion_type } = params.fields
  const names = [
    authorization ?? undefined,
    client_id,
    client_secret,
    client_assertion,
    client_assertion_type,
  ]
  const isNamed = names.some((one) => one !== undefined)
  return isNamed || needsClient ? readCredentials(authorization, params.fields) : undefined
}

/** @throws {OAuthError} `invalid_client`, or `unauthorized_client` for a client that the operator did not choose. */
async function proveClient(ctx: Context, credentials: ClientCredentials): Promise<ProvenClient> {
  const proven = await authenticateClient(
    credentials,
    await findChosen(ctx, credentials.id),
    ctx.clients.verify,
  )
  const { kind } = proven.client
  return kind === 'configured' || kind === 'document' ? withGrantType(proven) : proven
}

const withGrantType = ({ client, spend }: ProvenClient): ProvenClient => ({
  client: { ...client, grantTypes: [...client.grantTypes, NAME] },
  spend,
})

/** Finds a client that may exchange ID-JAGs. Only a document that the operator lists is fetched. */
async function findChosen({ clients, settings }: Context, id: string): Promise<Client | undefined> {
  const known = await clients.find(id)
  if (known || !clients.documents?.accepts(id)) return known
  if (settings.ema.clients.includes(id)) return clients.documents.load(id).catch(documentFailed)
  throw new OAuthError('unauthorized_client', `The client may not use the ${NAME} grant`, {
    reason: 'assertion-grant-refused',
    detail: 'its metadata document is not in `ema.clients`',
  })
}

/** A document that cannot be fetched now must not end the client's session. */
function documentFailed(error: unknown): never {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_request') throw error
  if (error.reason !== 'client-metadata-unavailable') throw invalidClient(error.reason, error.detail)
  throw new OAuthError('temporarily_unavailable', 'The client cannot be looked up right now, try again', {
    reason: error.reason,
    cause: error,
    retryAfter: seconds.retryLater,
  })
}

/** A workload may name a client. The name alone counts for nothing, but credentials have to be right. */
async function proveIfNamed(ctx: Context, credentials: ClientCredentials | undefined): Promise<ProvenClient> {
  if (!credentials) return NO_CLIENT
  const known = await ctx.clients.find(credentials.id)
  if (!known && credentials.method === 'none') return NO_CLIENT
  const proven = await authenticateClient(credentials, known, ctx.clients.verify)
  return credentials.method === 'none' ? NO_CLIENT : withGrantType(proven)
}
