import * as v from 'valibot'
import type { AssertionUse } from '../protocol/assertion.ts'
import type { ClaimMatch } from '../protocol/claim-rules.ts'
import { areKeysPublic } from '../protocol/key-set.ts'
import { isHttps } from '../providers/parts/https.ts'
import { PROVIDER_ID } from '../providers/provider.ts'
import { seconds } from '../timing.ts'
import {
  byKind,
  choice,
  type Entries,
  label,
  listOf,
  shape,
  text,
  type WithDefaults,
  whole,
} from '../validation/shape.ts'
import { claimMatch } from './claim-match.ts'
import { scopeName } from './scopes.ts'

/** The access of workloads whose tokens have certain claims. */
export interface WorkloadRule {
  /** The name for events, such as `deploy`. */
  name: string
  /**
   * The claims that a token must have, all of them. A value is a text, a number, a boolean, or a list of alternatives. In
   * a text `*` stands for characters but `:` and `/`, and `**` for any. Write the members of a claim that is an object as
   * an object: `{ 'kubernetes.io': { serviceaccount: { uid: '9f…' } } }`.
   */
  match: ClaimMatch
  /** The scopes that such a workload may have. */
  scopes: readonly string[]
  /** The MCP servers, by URL or path. All by default. */
  resources?: readonly string[] | undefined
  /**
   * The lifetime of its access tokens, in seconds.
   *
   * @default 3600
   */
  ttl?: number | undefined
}

/** An issuer whose signed assertions are accepted. */
export interface TrustedIssuer {
  /** The value of `iss`, character by character: an https URL, or `spiffe://<trust domain>`. */
  issuer: string
  /**
   * The uses of its assertions. `id-jag`: an identity assertion for a person, at the token endpoint
   * (Enterprise-Managed Authorization). `workload`: the token of a workload, at the token endpoint. `bearer`: the token of
   * a workload as bearer token at an MCP server.
   */
  use: readonly AssertionUse[]
  /** The name in `allow` rules and events. By default the host, with `-` for dots. */
  id?: string | undefined
  /** The address of its keys, or the keys. By default they are found by discovery. */
  jwks?: string | { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined
  /**
   * The accepted signing algorithms.
   *
   * @default ['RS256', 'ES256']
   */
  algorithms?: readonly string[] | undefined
  /**
   * The accepted values of `aud`. By default an ID-JAG is for the public `url`, a workload's token for that or the token
   * endpoint, and a bearer token for the URL of the MCP server.
   */
  audience?: readonly string[] | undefined
  /** The longest lifetime of an assertion, in seconds. By default 300 for an ID-JAG, and 3600 for a workload's token. */
  maxLifetime?: number | undefined
  /**
   * The largest difference between both clocks, in seconds.
   *
   * @default 60
   */
  clockSkew?: number | undefined
  /**
   * The treatment of an assertion that was used before. By default `refuse` for ID-JAGs, and `allow` for workloads, which
   * get one token for a while.
   */
  replay?: 'refuse' | 'allow' | undefined
  /** The id of the provider in `upstream` with the same subjects: its users are then the same people. For ID-JAGs. */
  sameSubjectsAs?: string | undefined
  /**
   * The entity id of the SAML identity provider whose NameIDs `sub_id` carries, for a sign-in of your own with SAML. The
   * person is then the NameID, not `sub`. For ID-JAGs.
   */
  samlIssuer?: string | undefined
  /** The e-mail domains that the issuer may vouch for. `allow` rules by address hold for these only. For ID-JAGs. */
  emailDomains?: readonly string[] | undefined
  /** The most scopes that its assertions give. All by default. */
  scopes?: readonly string[] | undefined
  /** The MCP servers that its assertions are for, by URL or path. All by default. */
  resources?: readonly string[] | undefined
  /** The workloads that are accepted. A token that matches no rule gives nothing. Required for workloads. */
  rules?: readonly WorkloadRule[] | undefined
}

/** Rules about Enterprise-Managed Authorization, for issuers with `use: ['id-jag']`. */
export interface EmaOptions {
  /** The clients with a metadata document that may exchange ID-JAGs, by the exact address. Configured clients always may. */
  clients?: readonly string[] | undefined
  /**
   * The lifetime of an access token for an ID-JAG, in seconds.
   *
   * @default 3600
   */
  accessTtl?: number | undefined
}

/** Options about assertions that other issuers sign. */
export interface TrustedIssuersOptions {
  /**
   * The issuers whose assertions are accepted: identity providers of companies, and platforms that workloads run on.
   *
   * @default []
   */
  trustedIssuers?: readonly TrustedIssuer[] | undefined
  /** Rules about ID-JAGs. */
  ema?: EmaOptions | undefined
}

const ENTRY: { readonly algorithms: readonly Algorithm[]; readonly clockSkew: number } = {
  algorithms: ['RS256', 'ES256'],
  clockSkew: seconds.issuerSkew,
}
const DEFAULTS = { trustedIssuers: [] } as const
/** Seconds. */
const ACCESS_TTL = 3600

/** A trusted issuer with its defaults in place. */
export type TrustedIssuerSettings = WithDefaults<
  Omit<TrustedIssuer, 'id'>,
  { algorithms: unknown; clockSkew: unknown }
> & {
  readonly id: string
  /** The issuer of the people that it asserts: its own, or that of the provider with the same subjects. */
  readonly subjectsOf: string
}

/** Algorithms with a public key. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

type Algorithm = (typeof ALGORITHMS)[number]

const SPIFFE = /^spiffe:\/\/[a-z0-9._-]{1,255}$/

const issuer = v.pipe(
  v.string(),
  v.check(
    (input) => !input.includes('*') && (isHttps(input) || SPIFFE.test(input)),
    'expected the whole https URL of one issuer, without `*`, or spiffe://<trust domain>',
  ),
)

const keysUrl = v.pipe(
  v.string(),
  v.check((input) => isHttps(input.split('?', 1)[0]!) && !input.includes('#'), 'expected an https URL'),
)

const keySet = v.pipe(
  v.looseObject({ keys: listOf(v.record(v.string(), v.unknown()), 1) }),
  v.check((jwks) => areKeysPublic(jwks), 'expected public keys only'),
)

const domain = v.pipe(
  v.string(),
  v.regex(/^([a-z0-9-]+\.)+[a-z][a-z0-9-]*$/, 'expected a domain in lower case, such as example.com'),
)

const rule: v.GenericSchema<WorkloadRule> = shape({
  name: label,
  match: claimMatch,
  scopes: listOf(scopeName, 1),
  resources: v.optional(listOf(text, 1)),
  ttl: v.optional(whole(1, 86_400)),
})

const entry = v.pipe(
  shape({
    issuer,
    use: listOf(choice('id-jag', 'workload', 'bearer'), 1),
    id: v.optional(v.pipe(v.string(), v.regex(PROVIDER_ID, 'expected up to 64 letters, digits, - and _'))),
    jwks: v.optional(
      byKind<NonNullable<TrustedIssuer['jwks']>>(
        { text: keysUrl, object: keySet },
        'expected an https URL or { keys }',
      ),
    ),
    algorithms: v.optional(listOf(choice(...ALGORITHMS), 1), ENTRY.algorithms),
    audience: v.optional(listOf(text, 1)),
    maxLifetime: v.optional(whole(1, 86_400)),
    clockSkew: v.optional(whole(0, 300), ENTRY.clockSkew),
    replay: v.optional(choice('refuse', 'allow')),
    sameSubjectsAs: v.optional(text),
    samlIssuer: v.optional(text),
    emailDomains: v.optional(listOf(domain, 1)),
    scopes: v.optional(listOf(scopeName, 1)),
    resources: v.optional(listOf(text, 1)),
    rules: v.optional(listOf(rule, 1)),
  }),
  v.transform((one) => ({ ...one, id: one.id ?? nameOf(one.issuer), subjectsOf: one.issuer })),
) as unknown as v.GenericSchema<TrustedIssuer, TrustedIssuerSettings>

/** Names an issuer by its host. */
const nameOf = (issuer: string): string =>
  issuer
    .replace(/^\w+:\/\/([^/]*).*$/, '$1')
    .replace(/[^\w]+/g, '-')
    .slice(0, 64)

export interface TrustedIssuersParsed {
  readonly trustedIssuers: readonly TrustedIssuerSettings[]
  readonly ema: (EmaOptions & { readonly accessTtl: number }) | undefined
}

export const trustedIssuersEntries: Entries<TrustedIssuersOptions, TrustedIssuersParsed> = {
  trustedIssuers: v.optional(listOf(entry), DEFAULTS.trustedIssuers) as unknown as v.GenericSchema<
    TrustedIssuersOptions['trustedIssuers'],
    TrustedIssuersParsed['trustedIssuers']
  >,
  ema: v.optional(
    shape({
      clients: v.optional(
        listOf(v.pipe(v.string(), v.check(isHttps, 'expected the https address of a metadata document'))),
      ),
      accessTtl: v.optional(whole(1, 86_400), ACCESS_TTL),
    }),
  ),
}

export interface TrustedIssuersSettings {
  readonly trustedIssuers: readonly TrustedIssuerSettings[]
  readonly ema: { readonly clients: readonly string[]; readonly accessTtl: number }
}
