import { issuerOnCallback } from '../providers/parts/issuer.ts'
import type { Provider } from '../providers/provider.ts'
import type { Server } from './discovery.ts'

/** Returns the metadata to compare the callback with, before its code is sent: `iss` must be a known issuer. */
export function onCallback(
  { callbackIssuer, issuerRule }: Provider,
  server: Server,
  answer: URLSearchParams,
): { server: Server; named: string | undefined } {
  const iss = answer.get('iss')
  if (callbackIssuer === 'ignore') answer.delete('iss')
  if (callbackIssuer === 'ignore' || iss === null) return { server, named: undefined }
  const issuer = issuerOnCallback(issuerRule, server.issuer, iss)
  return { server: { ...server, issuer }, named: issuerRule.type === 'template' ? issuer : undefined }
}
