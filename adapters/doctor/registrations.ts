import { parseUrl } from '../../src/internal.ts'
import type { Answer, Probe } from './probe.ts'

/** One attempt to register, in the shape a real client uses. */
export interface Attempt {
  readonly answer: Answer
  readonly redirectUris: readonly string[]
  /** Absent if the server refused. */
  readonly clientId: string | undefined
  /** The redirect URIs that a server left out of a registration it accepted. */
  readonly dropped: readonly string[]
}

/** Every attempt, once each. */
export interface Registrations {
  /** Two https addresses and two loopback ones in one registration, as VS Code sends them. */
  readonly editor: Attempt
  /** A loopback address alone, asked where the set above was refused. */
  readonly loopback: Attempt
  /** A private-use scheme beside https and loopback, as Cursor sends them. */
  readonly scheme: Attempt
  /** A hosted client that asks for a secret in the form, as Claude does. */
  readonly hosted: Attempt
  /** A plain http address on a foreign host. No client may register it. */
  readonly unsafe: Attempt
}

const NAME = 'Lockgate doctor (a probe, may be deleted)'

/** What differs from client to client; what a client leaves out, servers fill in, and not all the same way. */
const SHAPES = {
  editor: {
    redirect_uris: [
      'https://insiders.vscode.dev/redirect',
      'https://vscode.dev/redirect',
      'http://127.0.0.1/',
      'http://127.0.0.1:33418/',
    ],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  },
  loopback: {
    redirect_uris: ['http://127.0.0.1:33418/callback'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  },
  scheme: {
    redirect_uris: [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost:8787/callback',
    ],
    token_endpoint_auth_method: 'none',
  },
  hosted: {
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    token_endpoint_auth_method: 'client_secret_post',
  },
  unsafe: { redirect_uris: ['http://callback.example.com/'], token_endpoint_auth_method: 'none' },
} as const

/** Whether a server registered a client with every redirect URI that it sent. */
export const isAccepted = ({ clientId, dropped }: Attempt): boolean =>
  clientId !== undefined && dropped.length === 0

/** Registers probes at an endpoint: three where all goes well, and one that has to be refused. */
export async function tryRegistrations(probe: Probe, endpoint: string): Promise<Registrations> {
  const attempt = async (name: keyof typeof SHAPES): Promise<Attempt> => {
    const shape = SHAPES[name]
    const redirectUris = shape.redirect_uris
    const answer = await probe.send(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({
        client_name: NAME,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...shape,
      }),
    })
    const id = answer.status === 201 || answer.status === 200 ? answer.json?.client_id : undefined
    const kept = answer.json?.redirect_uris
    const dropped = Array.isArray(kept) ? redirectUris.filter((uri) => !kept.includes(uri)) : []
    return { answer, redirectUris, clientId: typeof id === 'string' ? id : undefined, dropped }
  }
  const editor = await attempt('editor')
  return {
    editor,
    loopback: isAccepted(editor) ? editor : await attempt('loopback'),
    scheme: await attempt('scheme'),
    hosted: await attempt('hosted'),
    unsafe: await attempt('unsafe'),
  }
}

/**
 * Deletes the probes again where the server offers that.
 *
 * @returns How many were made, and how many of them are gone.
 * @see [RFC 7592 §2.3](https://www.rfc-editor.org/rfc/rfc7592#section-2.3)
 */
export async function deleteRegistrations(
  probe: Probe,
  registrations: Registrations,
): Promise<{ made: number; deleted: number }> {
  const made = [...new Set(Object.values(registrations) as Attempt[])].filter(({ clientId }) => clientId)
  let deleted = 0
  for (const { answer } of made) {
    const { registration_client_uri: uri, registration_access_token: token } = answer.json ?? {}
    if (typeof uri !== 'string' || typeof token !== 'string') continue
    // The token is for the server that gave it, and goes nowhere else.
    if (parseUrl(uri)?.origin !== new URL(answer.url).origin) continue
    const gone = await probe.send(uri, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    if (gone.status === 204 || gone.status === 200) deleted++
  }
  return { made: made.length, deleted }
}
