import {
  type OAuthMetadata,
  OAuthMetadataSchema,
  OAuthProtectedResourceMetadataSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js'
import type { Gate } from './gate.ts'
import { check, json, type Program } from './program.ts'
import type { Look, Shape } from './shape.ts'

/** What a client knows once it has looked. */
export interface Found {
  readonly server: OAuthMetadata
  /** Absent for clients that know nothing of resource metadata. */
  readonly resource: string | undefined
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'matrix', version: '1' } },
}

/** Looks where the client looks, in its order. */
export async function discover(shape: Shape, gate: Gate, call: Program): Promise<Found> {
  const mcp = new URL(gate.mcp)
  const inserted = (name: string, base: URL) =>
    `${base.origin}/.well-known/${name}${base.pathname.replace(/\/$/, '')}`
  let issuer = new URL(gate.system.url)
  let resource: string | undefined
  let server: OAuthMetadata | undefined

  const readResource = async (url: string) => {
    const answer = await call(url)
    check(answer.status === 200, `${url} answers 200, not ${answer.status}`)
    const metadata = OAuthProtectedResourceMetadataSchema.parse(await json(answer))
    check(metadata.resource === gate.mcp, `the resource is the URL that was typed, not ${metadata.resource}`)
    resource = metadata.resource
    issuer = new URL(check(metadata.authorization_servers?.[0], 'the resource names its server'))
  }

  const looks: Readonly<Record<Look, () => Promise<void>>> = {
    async challenge() {
      const answer = await call(gate.mcp, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify(INITIALIZE),
      })
      check(answer.status === 401, `without a token it is 401, not ${answer.status}`)
      const header = answer.headers.get('www-authenticate') ?? ''
      check(header.startsWith('Bearer '), 'the challenge begins with Bearer')
      const url = check(/resource_metadata="([^"]+)"/.exec(header)?.[1], 'the challenge names the metadata')
      await readResource(url)
    },
    'resource at path': () => readResource(inserted('oauth-protected-resource', mcp)),
    'resource at root': () => readResource(`${mcp.origin}/.well-known/oauth-protected-resource`),
    async server() {
      const answer = await call(inserted('oauth-authorization-server', issuer))
      check(answer.status === 200, `the server's metadata is 200, not ${answer.status}`)
      server = OAuthMetadataSchema.parse(await json(answer))
      check(`${server.issuer}/` === issuer.href || server.issuer === issuer.href, 'the issuer is itself')
      check(server.code_challenge_methods_supported?.includes('S256'), 'S256 is advertised')
    },
    'probe openid': () => absent(call, inserted('openid-configuration', issuer)),
    'probe openid appended': () => absent(call, `${gate.mcp}/.well-known/openid-configuration`),
    'probe server appended': () => absent(call, `${gate.mcp}/.well-known/oauth-authorization-server`),
    'probe resource appended': () => absent(call, `${gate.mcp}/.well-known/oauth-protected-resource`),
  }
  for (const look of shape.looks) await looks[look]()
  return { server: check(server, 'the client finds the server'), resource }
}

/** Below the resource's own path the guard answers first: also a refusal that clients pass over. */
async function absent(call: Program, url: string): Promise<void> {
  const { status } = await call(url)
  check(status === 404 || (status === 401 && url.includes('/mcp/')), `${url} is not there, not ${status}`)
}
