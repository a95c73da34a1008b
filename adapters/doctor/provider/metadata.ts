import type { Provider } from '../../../src/index.ts'
import { type Finding, ok, show, skip, warn } from '../finding.ts'

type Document = Readonly<Record<string, unknown>>

const textsOf = (document: Document, member: string): readonly string[] | undefined => {
  const value = document[member]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : undefined
}

/** Compares what the definition says with the provider's metadata. Without a document, nothing is confirmed. */
export function metadataFindings(provider: Provider, document: Document | undefined): Finding[] {
  if (document === undefined)
    return [
      skip(
        'provider.metadata',
        'The metadata document says the same',
        provider.discovery ? 'the provider gave none' : 'the definition reads none',
      ),
    ]
  return [
    ...endpointFindings(provider, document),
    scopeFinding(provider, document),
    methodFinding(provider, document),
    pkceFinding(provider, document),
    revocationFinding(provider, document),
  ]
}

function endpointFindings({ endpoints }: Provider, document: Document): Finding[] {
  const members = {
    authorization: 'authorization_endpoint',
    token: 'token_endpoint',
    revocation: 'revocation_endpoint',
    userinfo: 'userinfo_endpoint',
    jwks: 'jwks_uri',
  } as const
  const [id, title] = ['provider.endpoints', 'Endpoints of the definition are those of the document']
  const given = Object.entries(members).flatMap(([name, member]) => {
    const address = endpoints[name as keyof typeof members]
    return address === undefined || document[member] === undefined
      ? []
      : [{ address, said: document[member] }]
  })
  const other = given.find(({ address, said }) => address !== said)
  if (other)
    return [
      warn(id, title, {
        seen: show(other.said),
        expected: show(other.address),
        fix: 'Report it: one of the two is out of date.',
      }),
    ]
  return given.length === 0 ? [] : [ok(id, title)]
}

function scopeFinding({ scopes }: Provider, document: Document): Finding {
  const [id, title] = ['provider.scopes', 'The provider lists the scopes that are requested']
  const listed = textsOf(document, 'scopes_supported')
  if (listed === undefined) return skip(id, title, 'the document lists none')
  const missing = scopes.filter((scope) => !listed.includes(scope))
  if (missing.length === 0) return ok(id, title, show(scopes.join(' ')))
  return skip(id, title, `not listed: ${show(missing.join(' '))}; many documents list only some`)
}

function methodFinding(provider: Provider, document: Document): Finding {
  const [id, title] = ['provider.client-auth', 'The provider lists the method of client authentication']
  const listed = textsOf(document, 'token_endpoint_auth_methods_supported')
  const { clientAuth } = provider
  if (provider.authenticate || clientAuth === undefined || listed === undefined)
    return skip(id, title, listed === undefined ? 'the document lists none' : 'chosen by the document')
  if (listed.includes(clientAuth)) return ok(id, title, clientAuth)
  return warn(id, title, {
    seen: show(listed.join(' ')),
    expected: clientAuth,
    fix: 'Set overrides: { clientAuth: … } to a method that the provider lists, and report it.',
  })
}

function pkceFinding({ pkce }: Provider, document: Document): Finding {
  const [id, title] = ['provider.pkce', 'PKCE is sent where the provider lists it']
  const listed = textsOf(document, 'code_challenge_methods_supported')
  if (listed === undefined) return skip(id, title, 'the document does not say')
  if (listed.includes('S256') === pkce) return ok(id, title, pkce ? 'S256' : 'not sent')
  if (pkce) return skip(id, title, 'sent, although the document does not list S256')
  return warn(id, title, {
    seen: show(listed.join(' ')),
    expected: 'a definition that sends S256',
    fix: 'Set overrides: { pkce: true }, and report it.',
  })
}

function revocationFinding({ revocation, revoke }: Provider, document: Document): Finding {
  const [id, title] = ['provider.revocation-endpoint', 'The definition revokes if the provider can']
  const named = typeof document.revocation_endpoint === 'string'
  if (!named) return skip(id, title, 'the document names no revocation endpoint')
  if (revoke || revocation.style !== 'none') return ok(id, title)
  return warn(id, title, {
    seen: show(document.revocation_endpoint),
    expected: 'a definition that uses it',
    fix: "Set overrides: { revocation: { style: 'rfc7009' } }, and report it.",
  })
}
