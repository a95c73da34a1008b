import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { mediaType, readText } from '../http/body.ts'
import { json } from '../http/responses.ts'
import { callHook } from '../options/call-hook.ts'
import { type ClientMetadata, readClientMetadata } from '../protocol/client-metadata.ts'
import { isLoopback } from '../protocol/redirect-uri.ts'
import { clientInformation } from './client-information.ts'

const BODY_LIMIT = 16 * 1024

const invalid = (detail: string) =>
  new OAuthError('invalid_client_metadata', 'The body must be a JSON object', {
    reason: 'registration-not-json',
    detail,
  })

/**
 * Dynamic client registration. Unless the operator wants records, nothing is stored: the client id carries the
 * registration.
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
  call.emit({ type: 'registered', client: registration.key })
  return json(clientInformation(registration, settings.issuer), 201)
}

/**
 * What a client wants to be, as far as it may: judged by the rules, then by the operator's own.
 *
 * @returns The operator's refusal, where there is one.
 * @throws {OAuthError} `invalid_client_metadata` or `invalid_redirect_uri`.
 */
export async function readRegistration(
  request: Request,
  { settings }: Context,
  call: Call,
): Promise<Response | { metadata: ClientMetadata; body: Readonly<Record<string, unknown>> }> {
  if (mediaType(request) !== 'application/json') throw invalid('not application/json')
  const body = parse(await readText(request, BODY_LIMIT))
  const metadata = readClientMetadata(body, settings.redirectUris)
  // On a developer's machine client and server may share a host; there it is checked when it is used.
  if (metadata.redirectUris.some((uri) => new URL(uri).origin === settings.origin && !isLoopback(uri))) {
    throw new OAuthError('invalid_redirect_uri', 'A redirect URI is missing or not allowed', {
      reason: 'own-redirect-uri',
    })
  }
  const members = body as Readonly<Record<string, unknown>>
  const { registrationPolicy: judge } = settings
  const refusal = judge && (await callHook('registrationPolicy', () => judge(members, request)))
  if (!refusal) return { metadata, body: members }
  const { error, description, status = 400 } = refusal
  // Whatever else it returned is a mistake of its own, and no business of the client's.
  if (typeof error !== 'string' || !/^\w+$/.test(error) || !(status >= 400 && status <= 499)) {
    throw new TypeError('registrationPolicy returned something else than { error, description, status }')
  }
  call.emit({
    type: 'refused',
    endpoint: '/register',
    code: error,
    reason: 'registration-policy',
  })
  return json({ error, ...(description !== undefined && { error_description: description }) }, status)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('malformed JSON')
  }
}
