import type { StoredClients } from '../clients/stored-clients.ts'
import type { Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { json } from '../http/responses.ts'
import { clientInformation } from './client-information.ts'
import { readRegistration } from './register.ts'

/** Returns the registration that a request is about, and the token that it presents. */
function readTarget(
  request: Request,
  { clients }: Context,
): { id: string; token: string; stored: StoredClients } {
  const { stored } = clients
  if (!stored)
    throw new OAuthError('access_denied', 'Registrations cannot be changed here', {
      reason: 'registration-off',
    })
  const id = new URL(request.url).pathname.split('/').at(-1) ?? ''
  const token = /^bearer +([\w-]+)[ \t]*$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  return { id, token, stored }
}

/** Makes the same response for a wrong token and for an unknown client. */
const notYours = () =>
  json({ error: 'invalid_token', error_description: 'The registration access token is wrong' }, 401, {
    'www-authenticate': 'Bearer error="invalid_token"',
  })

/** @see [RFC 7592 §2.1](https://www.rfc-editor.org/rfc/rfc7592#section-2.1) */
export const readRegistrationEndpoint: Endpoint = async (request, ctx) => {
  const { id, token, stored } = readTarget(request, ctx)
  const registration = await stored.read(id, token)
  return registration ? json(clientInformation(registration, ctx.settings.issuer)) : notYours()
}

/**
 * Replaces the metadata of a client. Its id stays, and so does its secret, unless it chooses the method `none`.
 *
 * @see [RFC 7592 §2.2](https://www.rfc-editor.org/rfc/rfc7592#section-2.2)
 */
export const changeRegistrationEndpoint: Endpoint = async (request, ctx, call) => {
  const { id, token, stored } = readTarget(request, ctx)
  // Before the body is read: otherwise anyone could try out the operator's rules.
  const current = await stored.read(id, token)
  if (!current) return notYours()
  // A client that has a secret does not become public by leaving its method out.
  const asked = await readRegistration(request, ctx, call, current.metadata.authMethod)
  if (asked instanceof Response) return asked
  const { client_id: named, client_secret: secret } = asked.body
  const isText = secret === undefined || typeof secret === 'string'
  const changed =
    named === id && isText
      ? await stored.replace(id, token, { metadata: asked.metadata, secret })
      : ('mismatch' as const)
  if (!changed) return notYours()
  if (changed === 'mismatch') {
    throw new OAuthError(
      'invalid_client_metadata',
      'The client_id or client_secret is not that of the client',
      { reason: 'client-id-mismatch' },
    )
  }
  call.emit({ type: 'registered', client: id, reason: 'registration-changed' })
  return json(clientInformation(changed, ctx.settings.issuer))
}

/** @see [RFC 7592 §2.3](https://www.rfc-editor.org/rfc/rfc7592#section-2.3) */
export const deleteRegistrationEndpoint: Endpoint = async (request, ctx, call) => {
  const { id, token, stored } = readTarget(request, ctx)
  if (!(await stored.remove(id, token))) return notYours()
  call.emit({ type: 'registered', client: id, reason: 'registration-deleted' })
  return new Response(null, { status: 204, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
}
