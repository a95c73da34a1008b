import type { Call, Context, Endpoint } from '../context.ts'
import { errorText, OAuthError, StatedError } from '../errors.ts'
import { mediaType, readText } from '../http/body.ts'
import { json } from '../http/responses.ts'
import { callHook } from '../options/call-hook.ts'
import { type AuthMethod, type ClientMetadata, readClientMetadata } from '../protocol/client-metadata.ts'
import { clientInformation } from './client-information.ts'

const BODY_LIMIT = 16 * 1024

const invalid = (detail: string) =>
  new OAuthError('invalid_client_metadata', `The body must be a JSON object: ${detail}`, {
    reason: 'registration-not-json',
    detail,
  })

/**
 * Registers a client. Nothing is stored unless `registration` is `stored`: the client id carries the registration.
 *
 * @see [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591#section-3)
 */
export const registerEndpoint: Endpoint = async (request, ctx, call) => {
  const { clients, settings } = ctx
  if (!clients.register)
    throw new OAuthError('access_denied', 'Clients cannot register themselves here', {
      reason: 'registration-off',
    })
  const asked = await readRegistration(request, ctx, call)
  if (asked instanceof Response) return asked
  const registration = await clients.register(asked.metadata)
  call.emit({ type: 'registered', client: registration.key, clientName: registration.metadata.name })
  return json(clientInformation(registration, settings.issuer), 201)
}

/**
 * Reads client metadata, and asks `registrationPolicy` about it.
 *
 * @param authMethod The method of a client that names none. Default: `none`.
 * @returns The metadata, or the response of a refusal by the policy.
 * @throws {OAuthError} `invalid_client_metadata` or `invalid_redirect_uri`.
 */
export async function readRegistration(
  request: Request,
  { settings }: Context,
  call: Call,
  authMethod?: AuthMethod,
): Promise<Response | { metadata: ClientMetadata; body: Readonly<Record<string, unknown>> }> {
  if (mediaType(request) !== 'application/json') throw invalid('its type must be application/json')
  const body = parse(await readText(request, BODY_LIMIT))
  const { redirectUris, origin: ownOrigin } = settings
  const metadata = readClientMetadata(body, { redirectUris, ownOrigin, ...(authMethod && { authMethod }) })
  const members = body as Readonly<Record<string, unknown>>
  const { registrationPolicy: judge } = settings
  const refusal = judge && (await callHook('registrationPolicy', () => judge(members, request)))
  if (!refusal) return { metadata, body: members }
  const { error, description, status = 400 } = refusal
  // Anything else is a mistake in the application, which does not concern the client.
  if (typeof error !== 'string' || !/^\w+$/.test(error) || !(status >= 400 && status <= 499)) {
    throw new StatedError('registrationPolicy must return { error, description, status } or nothing')
  }
  call.emit({
    type: 'refused',
    endpoint: '/register',
    code: error,
    reason: 'registration-policy',
  })
  return json(
    { error, ...(description !== undefined && { error_description: errorText(description) }) },
    status,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('it is malformed')
  }
}
