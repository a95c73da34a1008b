import { type Finding, fail, judge, ok, type Problem, show, skip, warn } from '../finding.ts'
import { sketch } from '../probe.ts'
import { type Attempt, isAccepted } from '../registrations.ts'
import type { Check } from '../world.ts'

const WAY = 'Clients can get an id by themselves'

/** Whether clients come to an id by themselves (RFC 7591), in the shapes that real ones send. */
export const registration: Check = ({ registrations, server }) => {
  if (!server) return []
  if (!registrations) return [withoutEndpoint(server.document.client_id_metadata_document_supported === true)]
  const { editor, loopback, scheme, hosted, unsafe } = registrations
  const good = [editor, loopback, scheme, hosted].find(({ clientId }) => clientId !== undefined)
  return [
    judge(
      'register.way',
      WAY,
      good
        ? undefined
        : refused(editor, 'Let the endpoint accept registrations without credentials, and look at its log.'),
    ),
    judge(
      'register.loopback',
      'Apps on the user’s computer may register',
      !isAccepted(loopback)
        ? refused(
            loopback,
            'Accept http redirect URIs on 127.0.0.1, [::1] and localhost, and let the port be free (RFC 8252 §7.3).',
          )
        : undefined,
    ),
    ...(isAccepted(loopback) ? [mixed(editor)] : []),
    judge(
      'register.schemes',
      'Apps with a scheme of their own may register',
      !isAccepted(scheme)
        ? refused(
            scheme,
            'Accept private-use schemes such as cursor://, also where no application_type is sent (in Lockgate: `redirectUris.customSchemes`).',
          )
        : undefined,
    ),
    judge(
      'register.hosted',
      'Hosted clients may register with any method that they ask for',
      !isAccepted(hosted)
        ? refused(
            hosted,
            'Accept each token_endpoint_auth_method and answer with the one that will be used (RFC 7591 §3.2.1).',
          )
        : undefined,
    ),
    ...(good ? [judge('register.answer', 'Clients can read the answer', unreadable(good))] : []),
    judgeUnsafe(unsafe),
  ]
}

/** Not every client has a document yet: those that have none are left outside. */
function withoutEndpoint(documents: boolean): Finding {
  const seen = 'no registration_endpoint'
  if (documents) {
    return warn('register.endpoint', 'Clients without a metadata document can register', {
      seen,
      expected: 'a registration_endpoint',
      fix: 'Offer registration for clients that have no metadata document (in Lockgate: `registration`).',
    })
  }
  return fail('register.way', WAY, {
    seen: `${seen}, and no client_id_metadata_document_supported`,
    expected: 'at least one of them',
    fix: 'Offer registration (in Lockgate: `registration`), or give each user a client id to type in.',
  })
}

const mixed = (editor: Attempt): Finding =>
  judge(
    'register.mixed',
    'One registration may mix https and loopback addresses',
    !isAccepted(editor)
      ? refused(editor, 'Accept the whole set in one registration, as VS Code sends it.')
      : undefined,
  )

const refused = ({ answer, redirectUris, dropped }: Attempt, fix: string): Problem => ({
  seen: `${show(redirectUris.join(' '))}: ${sketch(answer)}${dropped.length > 0 ? ` without ${show(dropped.join(' '))}` : ''}`,
  expected: '201 with a client_id as JSON',
  fix:
    answer.status === 429
      ? 'Allow more registrations in a row: clients register twice within a second.'
      : fix,
})

/** What the SDKs' schemas refuse: null, a missing list, a secret without its end. */
function unreadable({ answer }: Attempt): Problem | undefined {
  const json = answer.json ?? {}
  const nulls = Object.keys(json).filter((name) => json[name] === null)
  const fix = 'Return what was registered and leave out what is absent (RFC 7591 §3.2.1).'
  if (nulls.length > 0) {
    return { seen: `${show(nulls.join(', '))}: null`, expected: 'absent members left out', fix }
  }
  if (!Array.isArray(json.redirect_uris)) {
    return {
      seen: `redirect_uris: ${show(json.redirect_uris)}`,
      expected: 'the registered redirect_uris',
      fix,
    }
  }
  if ('client_secret' in json && typeof json.client_secret_expires_at !== 'number') {
    return {
      seen: `client_secret with client_secret_expires_at ${show(json.client_secret_expires_at)}`,
      expected: 'a number beside each client_secret; 0 for never',
      fix,
    }
  }
  return undefined
}

function judgeUnsafe({ answer, redirectUris, clientId }: Attempt): Finding {
  const [id, title] = ['register.refuses', 'An unsafe redirect URI is refused']
  const seen = `${show(redirectUris[0])}: ${sketch(answer)}`
  if (clientId !== undefined) {
    return fail(id, title, {
      seen,
      expected: '400 invalid_redirect_uri',
      fix: 'Refuse http redirect URIs on other hosts than loopback: codes would cross the network in the clear.',
    })
  }
  if (answer.status < 400 || answer.status >= 500 || answer.status === 429) {
    return skip(id, title, `cannot be told: ${sketch(answer)}`)
  }
  if (typeof answer.json?.error === 'string') return ok(id, title, sketch(answer))
  return warn(id, title, {
    seen,
    expected: '400 with {"error":"invalid_redirect_uri"}',
    fix: 'Answer refusals as JSON with an error code (RFC 7591 §3.2.2).',
  })
}
