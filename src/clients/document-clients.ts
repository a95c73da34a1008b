import { OAuthError } from '../errors.ts'
import { freshFor } from '../http/cache-lifetime.ts'
import { createFetched, type FetchCause } from '../http/fetch-cache.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Clock, KeepAlive, Outbound } from '../ports.ts'
import { readClientDocument } from '../protocol/client-document.ts'
import { type DocumentPolicy, documentUrlProblem } from '../protocol/document-url.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { type Client, signInGrantTypes } from './client.ts'
import { knownScopes } from './registration.ts'

/** Clients whose id is the address of a metadata document. */
export interface DocumentClients {
  /** Tells whether an address may be a client id here. Fetches nothing. */
  accepts(url: string): boolean
  /**
   * Returns the client that the document describes.
   *
   * @throws {OAuthError} `invalid_request` if the address or the document is not accepted, or cannot be fetched.
   */
  load(url: string, cause?: FetchCause): Promise<Client>
}

const cannotLookUp = (reason: ReasonCode, { detail, cause }: { detail?: string; cause?: unknown }) =>
  new OAuthError('invalid_request', 'The app that sent you here could not be looked up', {
    reason,
    detail,
    cause,
  })

/** @see [Client ID Metadata Document](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00) */
export function createDocumentClients(ports: {
  outbound: Outbound
  policy: DocumentPolicy
  now: Clock
  keepAlive?: KeepAlive | undefined
  /** The scopes of this server. */
  scopes: readonly string[]
}): DocumentClients {
  const { outbound, policy, now, keepAlive, scopes } = ports

  function toClient(url: string, body: unknown): Client {
    const { scope, ...document } = readClientDocument(url, body, policy)
    return {
      id: url,
      key: url,
      kind: 'document',
      ...document,
      grantTypes: signInGrantTypes(document.refreshes),
      scope: knownScopes(scope, scopes),
      secrets: [],
    }
  }

  const fetched = createFetched(
    now,
    async (url) => {
      const { value, headers } = await fetchJson(outbound, url, policy).catch((cause) => {
        throw cannotLookUp('client-metadata-unavailable', { cause })
      })
      return { value: toClient(url, value), freshFor: freshFor(headers) }
    },
    keepAlive,
  )

  return {
    accepts: (url) => documentUrlProblem(url, policy) === undefined,
    async load(url, cause) {
      const problem = documentUrlProblem(url, policy)
      if (problem !== undefined) throw cannotLookUp('client-metadata-address-refused', { detail: problem })
      return fetched(url, cause)
    },
  }
}
