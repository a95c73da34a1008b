import { OAuthError } from '../errors.ts'
import { freshFor } from '../http/cache-lifetime.ts'
import { createFetched } from '../http/fetch-cache.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Clock, Outbound } from '../ports.ts'
import { readClientDocument } from '../protocol/client-document.ts'
import { type DocumentPolicy, documentUrlProblem } from '../protocol/document-url.ts'
import { parseScope } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { Client } from './client.ts'

/** Clients whose id is the address of a document that describes them. */
export interface DocumentClients {
  /** Whether an address may be a client id here. Asks nobody. */
  accepts(url: string): boolean
  /**
   * The client, as its document says.
   *
   * @throws {OAuthError} `invalid_request` for an address or a document that is not accepted, or that cannot be had.
   */
  load(url: string): Promise<Client>
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
  /** Scopes that exist. */
  scopes: readonly string[]
}): DocumentClients {
  const { outbound, policy, now, scopes } = ports

  function toClient(url: string, body: unknown): Client {
    const { scope, ...document } = readClientDocument(url, body, policy)
    const known = parseScope(scope).filter((item) => scopes.includes(item))
    return {
      id: url,
      key: url,
      kind: 'document',
      host: new URL(url).host,
      ...document,
      scope: known.length > 0 ? known : undefined,
      secrets: [],
    }
  }

  const fetched = createFetched(now, async (url) => {
    const { value, headers } = await fetchJson(outbound, url, policy).catch((cause) => {
      throw cannotLookUp('document-away', { cause })
    })
    return { value: toClient(url, value), freshFor: freshFor(headers) }
  })

  return {
    accepts: (url) => documentUrlProblem(url, policy) === undefined,
    async load(url) {
      const problem = documentUrlProblem(url, policy)
      if (problem !== undefined) throw cannotLookUp('document-address', { detail: problem })
      return fetched(url)
    },
  }
}
