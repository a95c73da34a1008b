import * as v from 'valibot'
import { isLoopbackUrl } from '../http/loopback.ts'
import type { DocumentPolicy } from '../protocol/document-url.ts'
import type { RedirectPolicy } from '../protocol/redirect-uri.ts'
import {
  choice,
  type Entries,
  flag,
  hook,
  listOf,
  shape,
  type WithDefaults,
  whole,
} from '../validation/shape.ts'
import type { Report } from './report.ts'

/** A refusal of a registration, as the client receives it. */
export interface RegistrationRefusal {
  /** The error code, such as `invalid_client_metadata` or `unapproved_software_statement`. */
  error: string
  /** The sentence for `error_description`. */
  description?: string | undefined
  /**
   * The HTTP status, from 400 to 499.
   *
   * @default 400
   */
  status?: number | undefined
}

/**
 * Decides about a registration that follows the rules. Throw an `OAuthError` or return a {@link RegistrationRefusal} to
 * refuse it; return nothing to accept it.
 *
 * @param metadata The JSON of the request. Its claims are not verified.
 * @param request The request. Its body has been read.
 */
export type RegistrationPolicy = (
  metadata: Readonly<Record<string, unknown>>,
  request: Request,
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing accepts every registration
) => void | RegistrationRefusal | Promise<void | RegistrationRefusal>

/** Options about clients that identify themselves. */
export interface RegistrationOptions {
  /**
   * The way that clients register themselves. `sealed` needs no storage. `stored` writes a record per registration, which
   * the client can change and delete (RFC 7592). `off` refuses them.
   *
   * @default 'sealed'
   */
  registration?: 'sealed' | 'stored' | 'off' | undefined
  /**
   * The lifetime of a registration, in seconds. By default a sealed one does not expire, and a stored one expires 90 days
   * after its last use.
   */
  registrationTtl?: number | undefined
  /**
   * Decides whether a client may register. Throw an `OAuthError` or return a `RegistrationRefusal` to refuse it, or return
   * nothing to accept it. Any other exception becomes 500, more than 8 seconds 503.
   */
  registrationPolicy?: RegistrationPolicy | undefined
  /** Clients whose id is the https address of a metadata document. */
  clientDocuments?: ClientDocuments | undefined
  /** The redirect URIs that clients may register. */
  redirectUris?: RedirectUris | undefined
}

/** Rules about client ID metadata documents. */
export interface ClientDocuments {
  /**
   * Accepts client ID metadata documents. Has no effect on runtimes other than Node, Bun, Deno and Workers.
   *
   * @default true
   */
  accept?: boolean | undefined
  /** The hosts that may publish documents: `client.example`, `*.example.com`, each with `:port` if it is unusual. Every public host by default. */
  hosts?: readonly string[] | undefined
  /**
   * Accepts documents at `http://localhost`, for development. Needs a `url` on loopback.
   *
   * @default false
   */
  loopback?: boolean | undefined
}

/** Rules about redirect URIs. */
export interface RedirectUris {
  /**
   * Accepts private-use schemes such as `cursor://`.
   *
   * @default true
   */
  customSchemes?: boolean | undefined
  /**
   * Treats `localhost`, `127.0.0.1` and `[::1]` as equal.
   *
   * @default false
   */
  loopbackAliases?: boolean | undefined
}

const DOCUMENTS = { accept: true, loopback: false } as const
const REDIRECTS = { customSchemes: true, loopbackAliases: false } as const
const DEFAULTS = { registration: 'sealed', clientDocuments: {}, redirectUris: {} } as const

export interface RegistrationParsed
  extends Omit<WithDefaults<RegistrationOptions, typeof DEFAULTS>, 'clientDocuments' | 'redirectUris'> {
  readonly clientDocuments: WithDefaults<ClientDocuments, typeof DOCUMENTS>
  readonly redirectUris: WithDefaults<RedirectUris, typeof REDIRECTS>
}

const host = v.pipe(
  v.string(),
  v.regex(/^(\*\.)?([a-z0-9-]+\.)+[a-z][a-z0-9-]*(:\d+)?$/, 'expected client.example or *.example.com'),
)

export const registrationEntries: Entries<RegistrationOptions, RegistrationParsed> = {
  registration: v.optional(choice('sealed', 'stored', 'off'), DEFAULTS.registration),
  registrationTtl: v.optional(whole(1)),
  registrationPolicy: v.optional(hook<RegistrationPolicy>()),
  clientDocuments: v.optional(
    shape({
      accept: v.optional(flag, DOCUMENTS.accept),
      hosts: v.optional(listOf(host)),
      loopback: v.optional(flag, DOCUMENTS.loopback),
    }),
    DEFAULTS.clientDocuments,
  ),
  redirectUris: v.optional(
    shape({
      customSchemes: v.optional(flag, REDIRECTS.customSchemes),
      loopbackAliases: v.optional(flag, REDIRECTS.loopbackAliases),
    }),
    DEFAULTS.redirectUris,
  ),
}

export interface RegistrationSettings {
  readonly registration: 'sealed' | 'stored' | 'off'
  readonly registrationPolicy: RegistrationPolicy | undefined
  readonly registrationTtl: number | undefined
  /** The rule about metadata documents; `undefined` if none is accepted. */
  readonly documents: DocumentPolicy | undefined
  readonly redirectUris: RedirectPolicy
}

/** @param url The public URL. */
export function settleRegistration(
  { clientDocuments: { accept, hosts, loopback }, ...rest }: RegistrationParsed,
  url: string,
  report: Report,
): RegistrationSettings {
  if (loopback && !isLoopbackUrl(url)) {
    report('clientDocuments.loopback', 'is for development only: `url` is not on loopback', 'url')
  }
  return {
    registration: rest.registration,
    registrationPolicy: rest.registrationPolicy,
    registrationTtl: rest.registrationTtl,
    redirectUris: rest.redirectUris,
    documents: accept ? { hosts, loopback } : undefined,
  }
}
