import type { Listener, OAuthProxy, ProxyOptions } from '../../../src/index.ts'
import { isLoopbackUrl, ms } from '../../../src/internal.ts'
import type { Outbound } from '../../../src/ports.ts'

/** Publishers of widely used metadata documents. If none of them can be reached, no other public host can. */
const PUBLISHERS = ['claude.ai', 'chatgpt.com', 'vscode.dev']

/** Keeps the announcement of client metadata documents true: they are announced only while they can be fetched. */
export interface DocumentEgress {
  /** Hears of documents that could not be fetched, and looks again because of them. */
  readonly listener: Listener
  /** Looks for the first time. @param proxy Its metadata is kept true from now on. */
  start(proxy: Pick<OAuthProxy, 'announceDocuments' | 'report'>): Promise<void>
}

/**
 * Returns the hosts that show whether documents can be fetched. Empty if there is nothing to find out: documents are off,
 * the operator decided about them, the proxy is for this machine alone, or the permitted hosts are patterns.
 */
export function hostsToTry({
  url,
  clientDocuments,
}: Pick<ProxyOptions, 'url' | 'clientDocuments'>): readonly string[] {
  const { accept, hosts } = clientDocuments ?? {}
  if (accept !== undefined || isLoopbackUrl(url)) return []
  return hosts?.filter((host) => !host.startsWith('*')) ?? PUBLISHERS
}

/**
 * Looks at the start whether documents can be fetched, again once a document could not be, and every minute while they
 * cannot.
 *
 * @param ports.outbound Fetches documents. Any response shows that the way is open.
 * @param ports.say Receives a line once the way is open again.
 */
export function createDocumentEgress(ports: {
  hosts: readonly string[]
  outbound: Outbound
  say: (line: string) => void
}): DocumentEgress {
  const { hosts, outbound, say } = ports
  let proxy: Parameters<DocumentEgress['start']>[0] | undefined
  let isOpen = true
  /** By a clock that is never set back, in milliseconds. */
  let lookedAt = Number.NEGATIVE_INFINITY

  async function reach(host: string): Promise<void> {
    const signal = AbortSignal.timeout(ms.startCheck)
    const response = await outbound(`https://${host}/`, {
      accept: 'application/json',
      signal,
      loopback: false,
    })
    await response.body?.cancel()
  }

  async function look(): Promise<void> {
    lookedAt = performance.now()
    const found = await Promise.any(hosts.map(reach)).then(
      () => true,
      () => false,
    )
    if (!found) setTimeout(look, ms.egressCheck).unref()
    if (found === isOpen) return
    isOpen = found
    proxy!.announceDocuments(found)
    if (found) say('client metadata documents can be fetched again, and are announced')
    else proxy!.report({ reason: 'no-way-to-documents', detail: hosts.join(', ') })
  }

  return {
    listener({ reason }) {
      const isDue = isOpen && performance.now() - lookedAt >= ms.egressCheck
      if (reason === 'client-metadata-unavailable' && proxy && hosts.length > 0 && isDue) void look()
    },
    async start(given) {
      proxy = given
      if (hosts.length > 0) await look()
    },
  }
}
