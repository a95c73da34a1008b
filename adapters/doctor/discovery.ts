import { parseUrl } from '../../src/internal.ts'
import type { Answer, Probe } from './probe.ts'

/** A metadata document where it was found. */
export interface Found {
  readonly url: string
  readonly document: Readonly<Record<string, unknown>>
  readonly answer: Answer
}

/** What a client finds out before it registers. */
export interface Discovery {
  /** The address as it was given. */
  readonly address: string
  readonly origin: string
  /** Empty for the root, without trailing slash. */
  readonly path: string
  /** `initialize` without a token. */
  readonly bare: Answer
  /** The challenge's `resource_metadata`. */
  readonly pointer: string | undefined
  /** What the pointer and both well-known addresses answer, in the order clients ask. */
  readonly resourceAnswers: readonly Answer[]
  readonly resource: Found | undefined
  /** The first of `authorization_servers`; the origin of the server where there is none, as clients did first. */
  readonly issuer: string
  readonly issuerIsNamed: boolean
  /** What the addresses for the issuer answer, in the order clients ask. */
  readonly serverAnswers: readonly Answer[]
  readonly server: Found | undefined
}

const PROTOCOL = '2025-11-25'

/** Headers of an MCP client. */
export const MCP_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': PROTOCOL,
} as const

/** The first message of every session. */
export const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: PROTOCOL,
    capabilities: {},
    clientInfo: { name: 'lockgate-doctor', version: '1' },
  },
})

const METADATA_HEADERS = { accept: 'application/json', 'mcp-protocol-version': PROTOCOL }

/** A metadata document as clients ask for it. */
export const askMetadata = (probe: Probe, url: string): Promise<Answer> =>
  probe.send(url, { headers: METADATA_HEADERS })

/** The path of an issuer or a resource as it is inserted into well-known addresses. */
export const pathOf = (url: string): string => new URL(url).pathname.replace(/\/+$/, '')

/** Where clients look for the metadata of an issuer, first to last (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export function serverAddresses(issuer: string): string[] {
  const [origin, path] = [new URL(issuer).origin, pathOf(issuer)]
  const list = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
  return path === '' ? list : [...list, `${origin}${path}/.well-known/openid-configuration`]
}

/** Walks the way of a client from the address of an MCP server to the metadata of its authorization server. */
export async function discover(probe: Probe, address: string): Promise<Discovery> {
  const { origin } = new URL(address)
  const path = pathOf(address)
  const bare = await probe.send(address, { method: 'POST', headers: MCP_HEADERS, body: INITIALIZE })
  const pointer = pointerOf(bare.headers.get('www-authenticate'))
  const prefix = `${origin}/.well-known/oauth-protected-resource`
  const resourceUrls = [...new Set([...(pointer === undefined ? [] : [pointer]), prefix + path, prefix])]
  const resourceAnswers: Answer[] = []
  for (const url of resourceUrls) resourceAnswers.push(await askMetadata(probe, url))
  const resource = firstFound(resourceAnswers, 'resource')
  const named = (resource?.document.authorization_servers as unknown[] | undefined)?.[0]
  const issuerIsNamed = typeof named === 'string' && parseUrl(named) !== undefined
  const issuer = issuerIsNamed ? named : origin
  const serverAnswers: Answer[] = []
  for (const url of serverAddresses(issuer)) serverAnswers.push(await askMetadata(probe, url))
  const server = firstFound(serverAnswers, 'issuer')
  return {
    ...{ address, origin, path, bare, pointer, resourceAnswers, resource },
    ...{ issuer, issuerIsNamed, serverAnswers, server },
  }
}

function firstFound(answers: readonly Answer[], member: string): Found | undefined {
  const answer = answers.find(({ status, json }) => status === 200 && json !== undefined && member in json)
  return answer && { url: answer.url, document: answer.json!, answer }
}

/** @see [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1) */
function pointerOf(header: string | null): string | undefined {
  const match = /\bresource_metadata\s*=\s*(?:"([^"]*)"|([^\s,"]+))/i.exec(header ?? '')
  return match?.[1] ?? match?.[2]
}
