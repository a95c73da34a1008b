import type { Provider } from '../../../src/index.ts'
import { type Finding, fail, isFromThere, ok, show, skip, unreached, warn } from '../finding.ts'
import type { Probe } from '../probe.ts'
import { callbackFinding } from './callback.ts'
import type { Exchange, Trial } from './trial.ts'

const OPTION = '`upstream` (LOCKGATE_UPSTREAM_…)'

/** What the provider says of itself, of the client's credentials and of the callback. */
export async function upstreamFindings(provider: Provider, trial: Trial, probe: Probe): Promise<Finding[]> {
  const { authorizationUrl } = trial
  const found = discoveryFinding(provider, trial)
  if (authorizationUrl === undefined) return [found]
  return [
    found,
    credentialsFinding(provider, trial),
    await callbackFinding(authorizationUrl, probe),
    refreshFinding(provider, trial, authorizationUrl),
  ]
}

function discoveryFinding(upstream: Provider, { authorizationUrl, exchanges, reason }: Trial): Finding {
  const [id, title] = ['upstream.discovery', 'The provider is found']
  const asked = exchanges.at(-1)
  const responded = exchanges.some(({ status }) => isFromThere(status))
  if (authorizationUrl !== undefined && responded) return ok(id, title, show(upstream.issuer))
  if (authorizationUrl !== undefined && (asked?.status ?? 500) >= 500)
    return skip(id, title, asked ? `cannot be told: ${asked.status}` : 'the provider was not asked')
  const said = asked?.json?.issuer
  const other = said !== undefined && said !== upstream.issuer
  const finding = fail(id, title, {
    seen: asked
      ? `${show(asked.url)}: ${asked.status || `no answer (${asked.error ?? 'unknown'})`}${other ? `, issuer ${show(said)}` : ''}`
      : show(reason ?? 'no answer'),
    expected: upstream.discovery
      ? `a discovery document whose issuer is ${show(upstream.issuer)}`
      : 'an answer of the provider',
    fix: other
      ? `Set the issuer of ${OPTION} to what the document says.`
      : upstream.discovery
        ? `Correct the issuer of ${OPTION}, and let this machine reach the provider.`
        : `Let this machine reach the provider.`,
  })
  return asked !== undefined && !responded ? unreached(finding) : finding
}

/** A made-up code. An unknown client is refused before the code is checked. */
export function credentialsFinding({ answer: shape }: Provider, { exchanges, reason }: Trial): Finding {
  const [id, title] = ['upstream.credentials', 'The provider knows the client and its secret']
  const answer = exchanges.findLast(({ method }) => method === 'POST')
  if (!answer) return skip(id, title, `the provider was not asked: ${show(reason ?? 'no token request')}`)
  if (answer.status === 0 || answer.status === 407) {
    const seen = answer.status === 0 ? `no answer (${answer.error ?? 'unknown'})` : `${answer.status}`
    return unreached(
      fail(id, title, {
        seen: `${show(answer.url)}: ${seen}`,
        expected: 'an answer to a made-up code',
        fix: `Correct the token endpoint of ${OPTION}, and let this machine reach it.`,
      }),
    )
  }
  const own = [shape?.error ?? []].flat().map((name) => answer.json?.[name])
  const ownCode = own.find((value): value is string => typeof value === 'string')
  const code = codeOf(answer) ?? ownCode
  const seen = `a made-up code at ${show(answer.url)}: ${answer.status} ${show(code ?? 'no error code')}`
  if (/^invalid_grant$|code/i.test(code ?? '')) return ok(id, title, `${show(code)} for a made-up code`)
  const isUnclear = ownCode !== undefined && ownCode === code
  if ((answer.status === 401 && !isUnclear) || /client|secret|credential/i.test(code ?? '')) {
    return fail(id, title, {
      seen,
      expected: 'invalid_grant: the code refused, the client not',
      fix: `Correct client id and secret of ${OPTION}; a secret may have expired at the provider.`,
    })
  }
  return skip(id, title, `cannot be told: ${seen}`)
}

/** RFC 6749 has a text; some providers have an object, or a code in the answer to a request that succeeded. */
function codeOf({ json }: Exchange): string | undefined {
  const error = json?.error ?? json?.error_code ?? json?.code
  if (typeof error === 'string') return error
  const inner = (error as { type?: unknown } | undefined)?.type
  return typeof inner === 'string' ? inner : undefined
}

function refreshFinding(upstream: Provider, { exchanges }: Trial, authorizationUrl: string): Finding {
  const [id, title] = ['upstream.refresh', 'The provider gives refresh tokens']
  const { json } = exchanges.find((exchange) => exchange.json?.authorization_endpoint !== undefined) ?? {}
  const grants = json?.grant_types_supported
  const asked = new URL(authorizationUrl).searchParams.get(upstream.scopeParam) ?? ''
  const listed = Array.isArray(json?.scopes_supported) && json.scopes_supported.includes('offline_access')
  if (Array.isArray(grants) && !grants.includes('refresh_token')) {
    return warn(id, title, {
      seen: `the provider lists the grants ${show(grants.join(' '))}`,
      expected: 'refresh_token among them',
      fix: 'Allow refresh tokens for this client at the provider, or sign-ins end with its access token.',
    })
  }
  if (listed && !/offline|refresh/.test(asked)) {
    return warn(id, title, {
      seen: `asked for: ${show(asked)}`,
      expected: 'offline_access, which the provider lists',
      fix: 'Add offline_access to the scopes of the provider (LOCKGATE_UPSTREAM_SCOPES), or leave that setting out.',
    })
  }
  return skip(id, title, `cannot be told without a sign-in; asked for: ${show(asked) || 'nothing'}`)
}
