import fc from 'fast-check'
import { answerHolds, prepare } from '../endpoints/any-answer.ts'
import { anyRequest } from '../endpoints/any-request.ts'
import { addresses } from './addresses.ts'
import { bearers, exchanges } from './assertions.ts'
import { bodies } from './bodies.ts'
import { cookieSizes, errorTexts, headerNames, limitKeys, paths, queryNames, rules } from './edges.ts'
import { clientDocuments, clientMetadata, names } from './metadata.ts'
import { documentUrls, redirectMatches, redirectUris, resources } from './redirects.ts'
import {
  authorizationRequests,
  challenges,
  cookieHeaders,
  forms,
  freshness,
  hierarchies,
  scopes,
} from './requests.ts'
import {
  accessTokenTexts,
  clientIds,
  codesAndRefreshTokens,
  sealedPlaces,
  sealedValues,
  signedTokenTexts,
} from './secrets.ts'
import { resourceUris } from './uris.ts'

/** What is fed with any input at all, and how large its share of the cases is. */
export interface Target {
  readonly name: string
  readonly share: number
  readonly property: fc.IRawProperty<unknown>
}

const requests = fc.asyncProperty(anyRequest, async ({ make }) => {
  const request = make()
  if (request) await answerHolds(request)
})

await prepare()

const target = (name: string, share: number, property: unknown): Target => ({
  name,
  share,
  property: property as fc.IRawProperty<unknown>,
})

/** The slow ones get fewer cases: a whole request costs a hundred parsers. */
export const targets: readonly Target[] = [
  target('redirect URIs', 10, redirectUris),
  target('redirect URIs compared', 8, redirectMatches),
  target('document addresses', 6, documentUrls),
  target('resource indicators', 6, resources),
  target('addresses', 8, addresses),
  target('client metadata', 8, clientMetadata),
  target('client documents', 6, clientDocuments),
  target('client names', 4, names),
  target('authorization requests', 8, authorizationRequests),
  target('forms', 5, forms),
  target('cookie headers', 4, cookieHeaders),
  target('WWW-Authenticate', 3, challenges),
  target('caching headers', 3, freshness),
  target('scopes', 3, scopes),
  target('scope hierarchies', 3, hierarchies),
  target('bodies of requests', 5, bodies),
  target('sealed values', 3, sealedValues),
  target('sealed values elsewhere', 1, sealedPlaces),
  target('sealed client ids', 3, clientIds),
  target('codes and refresh tokens', 3, codesAndRefreshTokens),
  target('access tokens', 3, accessTokenTexts),
  target('paths of nested servers', 8, paths),
  target('header names', 5, headerNames),
  target('names of parameters', 6, queryNames),
  target('rules and look-alikes', 8, rules),
  target('URIs of resources', 6, resourceUris),
  target('sizes of cookies', 1, cookieSizes),
  target('keys of limits', 2, limitKeys),
  target('texts of errors', 4, errorTexts),
  target('assertions', 3, exchanges),
  target('tokens of workloads', 3, bearers),
  target('signed access tokens', 3, signedTokenTexts),
  target('whole requests', 5, requests),
]
