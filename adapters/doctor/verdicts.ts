import type { Finding } from './finding.ts'

/** What one client would come to here. */
export interface Verdict {
  readonly client: string
  /** `no` where something stands in its way, `partly` where it works and misses something. */
  readonly works: 'yes' | 'partly' | 'no'
  /** Ids of the findings that stand in its way. */
  readonly failing: readonly string[]
  /** Ids of those it only suffers from. */
  readonly minor: readonly string[]
  readonly note: string | undefined
}

interface Client {
  readonly name: string
  /** Findings beside the usual ones without which it does not get through. */
  readonly needs: readonly string[]
  readonly wants: readonly string[]
  /** Whether it registers, and has no metadata document to show instead. */
  readonly registers?: true
  /** For clients whose requests come from their makers' machines: what those that cannot reach the server come to. */
  readonly hosted?: { readonly works: 'partly' | 'no'; readonly note: string }
}

/** What every client goes through: discovery, registration, the sign-in behind it, tokens. */
const NEEDED_BY_ALL = [
  'reachable',
  'challenge.status',
  'challenge.target',
  'resource.document',
  'resource.identifier',
  'resource.servers',
  'resource.paths',
  'server.document',
  'server.issuer',
  'server.endpoints',
  'server.response-types',
  'server.grants',
  'well-known.server',
  'pkce',
  'register.way',
  'register.answer',
  'token.error',
  'transport.https',
  'transport.urls',
  'storage.round-trip',
  'upstream.discovery',
  'upstream.credentials',
  'upstream.callback',
]

const WANTED_BY_ALL = [
  'challenge.pointer',
  'server.refresh',
  'server.scopes',
  'server.auth-methods',
  'stream',
  'metadata.caching',
  'clock',
]

const CORS = [
  'cors.resource',
  'cors.server',
  'cors.register',
  'cors.token',
  'cors.mcp',
  'cors.exposed',
  'cors.session',
]

const CLIENTS: readonly Client[] = [
  {
    name: 'Claude',
    needs: ['register.hosted'],
    wants: ['register.loopback'],
    hosted: { works: 'partly', note: 'Claude Code on this machine can' },
  },
  {
    name: 'ChatGPT',
    needs: ['register.hosted', 'well-known.unknown'],
    wants: ['server.iss'],
    hosted: { works: 'no', note: 'use a public address' },
  },
  { name: 'VS Code', needs: ['register.loopback', 'register.mixed'], wants: [] },
  { name: 'Cursor', needs: ['register.schemes'], wants: [], registers: true },
  { name: 'mcp-remote', needs: ['register.loopback'], wants: [], registers: true },
  { name: 'MCP Inspector', needs: ['register.loopback', ...CORS], wants: [], registers: true },
]

/** Derives from what was found which clients get through. */
export function verdicts(findings: readonly Finding[], options: { loopback: boolean }): Verdict[] {
  const withStatus = (ids: readonly string[], ...statuses: readonly Finding['status'][]) =>
    findings.filter(({ id, status }) => ids.includes(id) && statuses.includes(status)).map(({ id }) => id)
  // A document makes a public client.
  const documents = withStatus(['documents', 'server.auth-methods'], 'ok').length === 2
  return CLIENTS.map(({ name, needs, wants, registers, hosted }) => {
    const all = [...NEEDED_BY_ALL, ...needs]
    // Who shows a document where one is accepted does not register.
    const spared = documents && !registers ? all.filter((id) => id.startsWith('register.')) : []
    const needed = all.filter((id) => !spared.includes(id))
    const failing = [
      ...withStatus(needed, 'fail'),
      ...(registers ? withStatus(['register.endpoint'], 'warn') : []),
    ]
    const minor = [
      ...withStatus(needed, 'warn'),
      ...withStatus([...WANTED_BY_ALL, ...wants, ...spared], 'fail', 'warn'),
    ]
    const away = options.loopback && failing.length === 0 ? hosted : undefined
    return {
      client: name,
      works: failing.length > 0 ? 'no' : (away?.works ?? (minor.length > 0 ? 'partly' : 'yes')),
      failing,
      minor,
      note: away && `its servers cannot reach a loopback address; ${away.note}`,
    }
  })
}
