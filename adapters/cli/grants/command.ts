import { type ArgsDef, defineCommand } from 'citty'
import {
  createProxy,
  type GrantSummary,
  type Listener,
  type OAuthProxy,
  type Store,
} from '../../../src/index.ts'
import { fetch } from '../../node.ts'
import type { Closable } from '../../storage/driver.ts'
import { loadDotEnv, SettingsError } from '../configuration/environment.ts'
import { explain, readSettings } from '../configuration/settings.ts'

const config = {
  type: 'string',
  valueHint: 'file',
  description: 'Config file, instead of lockgate.config.ts|js|mjs|json',
} as const
const user = {
  type: 'string',
  valueHint: 'user',
  description: 'Of one user: the id that events name, or an e-mail address',
} as const

const listArgs = {
  user,
  limit: { type: 'string', valueHint: 'number', default: '1000', description: 'How many at most' },
  json: { type: 'boolean', description: 'As one JSON array' },
  config,
} as const satisfies ArgsDef

const revokeArgs = {
  grant: { type: 'string', valueHint: 'grant', description: 'The one grant, as `grants list` names it' },
  user: { ...user, description: 'All of one user: the id that events name, or an e-mail address' },
  config,
} as const satisfies ArgsDef

const USER = /^[\w-]{22}$/
const GRANT = /^([\w-]{22})\.([\w-]{22})$/

const list = defineCommand({
  meta: { name: 'list', description: 'Who has connected what: the grants in the storage' },
  args: listArgs,
  run: ({ args }) =>
    withProxy(args.config, async (proxy) => {
      const limit = /^\d{1,9}$/.test(args.limit) ? Number(args.limit) : 0
      if (limit < 1) throw new SettingsError('--limit: expected a number, 1 or more')
      const found: GrantSummary[] = []
      let more = false
      for await (const grant of grantsOf(proxy, args.user)) {
        more = found.length === limit
        if (more) break
        found.push(grant)
      }
      process.stdout.write(args.json ? `${JSON.stringify(found, undefined, 2)}\n` : toTable(found))
      if (more) process.stderr.write(`There are more than ${limit}: see --limit.\n`)
      return 0
    }),
})

const revoke = defineCommand({
  meta: { name: 'revoke', description: 'End a grant, or all of a user, here and at the provider' },
  args: revokeArgs,
  run: ({ args }) =>
    withProxy(args.config, async (proxy, failures) => {
      if (!args.grant === !args.user) throw new SettingsError('--grant or --user: expected one of the two')
      const match = GRANT.exec(args.grant ?? '')
      if (args.grant && !match) throw new SettingsError('--grant: expected a grant as `grants list` names it')
      const keys: { user: string; id: string }[] = match ? [{ user: match[1]!, id: match[2]! }] : []
      if (args.user) for await (const grant of grantsOf(proxy, args.user)) keys.push(grant)
      let ended = 0
      // This process ends with the last of them: what is not done by then nobody will do.
      for (const key of keys) {
        if (!(await proxy.grants.revoke(key, { wait: 30 }))) continue
        ended++
        process.stdout.write(`Ended ${key.user}.${key.id}\n`)
      }
      if (ended === 0) process.stderr.write('There is no such grant.\n')
      for (const failure of failures()) {
        process.stderr.write(`The provider did not end its tokens: ${failure}\n`)
      }
      return ended === 0 || failures().length > 0 ? 1 : 0
    }),
})

export const grantsCommand = defineCommand({
  meta: { name: 'grants', description: 'See and end what users have connected, in the storage of serve' },
  subCommands: { list, revoke },
})

/** By id the store knows where to look; by address every grant has to be opened. */
async function* grantsOf(proxy: OAuthProxy, user: string | undefined): AsyncIterable<GrantSummary> {
  if (user !== undefined && USER.test(user)) {
    yield* await proxy.grants.list(user)
    return
  }
  if (user !== undefined && !user.includes('@')) {
    throw new SettingsError('--user: expected the id of a user, or an e-mail address')
  }
  const address = user?.toLowerCase()
  for await (const grant of proxy.grants.all({ limit: Number.POSITIVE_INFINITY })) {
    if (address === undefined || grant.account?.email?.toLowerCase() === address) yield grant
  }
}

/** Works on the storage that `serve` has, while that runs or not. */
async function withProxy(
  file: string | undefined,
  work: (proxy: OAuthProxy, failures: () => readonly string[]) => Promise<number>,
): Promise<void> {
  let code = 1
  try {
    const cwd = process.cwd()
    await loadDotEnv(process.env, cwd)
    const { options, storage } = await readSettings(process.env, cwd, { config: file })
    if (storage === 'memory:') {
      throw new SettingsError('LOCKGATE_STORAGE: what memory: holds only the process of serve itself can see')
    }
    const failures: string[] = []
    const collect: Listener = ({ type, error, reason }) => {
      if (type === 'failed') failures.push(error ?? reason ?? 'failed')
    }
    const on = { event: [collect, ...[options.on?.event ?? []].flat()] }
    const proxy = createProxy({ fetch, ...options, on })
    code = await work(proxy, () => failures)
    await (options.storage as Store & Partial<Closable>).close?.()
  } catch (error) {
    process.stderr.write(`${explain(error) ?? (error as Error).message}\n`)
  }
  // Connections kept for the provider would hold the process for a while.
  process.exit(code)
}

const minute = (seconds: number) => `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`

function toTable(grants: readonly GrantSummary[]): string {
  if (grants.length === 0) return 'No grants.\n'
  const heads = ['grant (user.id)', 'who', 'client', 'resource', 'scopes', 'since', 'last used', 'expires']
  const rows = grants.map((grant) =>
    [
      `${grant.user}.${grant.id}`,
      grant.account?.email ?? grant.account?.name ?? grant.account?.subject ?? '(sealed)',
      grant.clientName,
      grant.resource,
      grant.scope.join(' '),
      minute(grant.createdAt),
      minute(grant.usedAt),
      minute(grant.expiresAt),
    ].map(printable),
  )
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  return `${[heads, ...rows].map(line).join('\n')}\n`
}

/** A client chose its own name: nothing in it may move the cursor or end a line. */
const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').slice(0, 80)
