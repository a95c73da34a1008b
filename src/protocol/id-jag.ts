import type { ReasonCode } from '../reasons/reasons.ts'
import { type Claims, idOf, memberOf, textOf } from './assertion.ts'

/** One rule about a claim of an ID-JAG. */
interface ClaimRule {
  readonly claim: string
  /** Tells whether the claims keep the rule. @param client The id of the client that authenticated. */
  isKept(claims: Claims, client: string): boolean
  readonly reason: ReasonCode
}

const must = (claim: string, isKept: ClaimRule['isKept']): ClaimRule => ({
  claim,
  isKept,
  reason: 'assertion-claims',
})

const isAbsent = (claims: Claims, claim: string): boolean => claims[claim] === undefined

const isTextList = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((one) => textOf(one) !== undefined)

/**
 * The claims of an ID-JAG, apart from those that every assertion has. Unknown claims are ignored.
 *
 * @see [Identity Assertion Authorization Grant §4.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant)
 */
const ID_JAG_CLAIMS: readonly ClaimRule[] = [
  must('iat', (claims) => !isAbsent(claims, 'iat')),
  must('jti', (claims) => idOf(claims) !== undefined),
  must('scope', ({ scope }) => scope === undefined || typeof scope === 'string'),
  must(
    'resource',
    ({ resource }) => resource === undefined || textOf(resource) !== undefined || isTextList(resource),
  ),
  // `aud_tenant` names a tenant of this server. With tenants here, no issuer can be trusted.
  ...['tenant', 'aud_tenant'].map((claim) =>
    must(claim, (claims) => isAbsent(claims, claim) || textOf(claims[claim]) !== undefined),
  ),
  {
    claim: 'client_id',
    isKept: ({ client_id: named }, client) => named === client,
    reason: 'assertion-of-another-client',
  },
]

/** Returns the first rule that the claims of an ID-JAG break. */
export const brokenIdJagRule = (
  claims: Claims,
  client: string,
): Pick<ClaimRule, 'claim' | 'reason'> | undefined =>
  ID_JAG_CLAIMS.find(({ isKept }) => !isKept(claims, client))

/** Returns the MCP servers that an ID-JAG names; `undefined` if it names none. */
export const resourcesOfIdJag = ({ resource }: Claims): readonly string[] | undefined =>
  resource === undefined ? undefined : ([resource].flat() as string[])

/** Both spellings occur. */
const SAML_FORMATS = new Set(['saml-nameid', 'saml_nameid'])

/**
 * Returns the NameID of the person at a SAML identity provider, if the assertion names one that lasts.
 *
 * @see [RFC 9493 §3](https://www.rfc-editor.org/rfc/rfc9493#section-3)
 */
export function samlSubject(claims: Claims, samlIssuer: string): string | undefined {
  const { format, issuer, nameid, nameid_format: kind } = memberOf(claims, 'sub_id') ?? {}
  const isFit = SAML_FORMATS.has(format as string) && issuer === samlIssuer
  const isLasting = kind === undefined || (typeof kind === 'string' && !kind.endsWith(':transient'))
  return isFit && isLasting ? textOf(nameid) : undefined
}

/** Claims about the assertion, not about the person. */
const OF_THE_ASSERTION = new Set(
  'iss aud exp iat nbf jti sub client_id resource scope act tenant aud_tenant aud_sub sub_id'.split(' '),
)

/** Returns the claims about a person or a workload. */
export const personalClaims = (claims: Claims): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_THE_ASSERTION.has(name)))
