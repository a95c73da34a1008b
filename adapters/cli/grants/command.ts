import type { GrantSummary, JudgedGrant, OAuthProxy } from '../../../src/index.ts'
import type { Command, Flag, Flags, Group } from '../configuration/command.ts'
import { SettingsError } from '../configuration/environment.ts'
import { withProxy } from '../configuration/with-proxy.ts'
import { SETTINGS_NOTE, settingsFlags, variablesOfLine } from '../serve/flags.ts'
import { type GrantKey, noGrant, readGrant } from './grant-key.ts'

const user: Flag = {
  type: 'string',
  hint: 'user',
  description: 'Only one user: the id in events, or an e-mail address',
}

const USER = /^[\w-]{22}$/

const LIST: Flags = {
  user,
  limit: { type: 'string', hint: 'number', default: '1000', description: 'The most grants to list' },
  json: { type: 'boolean', description: 'Write one JSON array' },
}

const list: Command = {
  description: 'List the grants in the storage: who connected which client',
  flags: (args) => settingsFlags(args, LIST),
  note: SETTINGS_NOTE,
  run: (line) =>
    withProxy(variablesOfLine(line, LIST), async (proxy) => {
      const given = line.text('limit') ?? ''
      const limit = /^\d{1,9}$/.test(given) ? Number(given) : 0
      if (limit < 1) throw new SettingsError('--limit: expected a number, 1 or more')
      const found: GrantSummary[] = []
      let more = false
      for await (const grant of grantsOf(proxy, line.text('user'))) {
        more = found.length === limit
        if (more) break
        found.push(grant)
      }
      process.stdout.write(line.on('json') ? `${JSON.stringify(found, undefined, 2)}\n` : toTable(found))
      if (more) process.stderr.write(`There are more than ${limit} grants. Raise --limit to see them.\n`)
      return 0
    }),
}

const REVOKE: Flags = {
  grant: { type: 'string', hint: 'grant', description: 'One grant, as `grants list` prints it' },
  user: { ...user, description: 'All grants of one user: the id in events, or an e-mail address' },
}

const revoke: Command = {
  description: 'Revoke one grant, or all grants of a user, here and at the provider',
  flags: (args) => settingsFlags(args, REVOKE),
  note: SETTINGS_NOTE,
  run: (line) =>
    withProxy(variablesOfLine(line, REVOKE), async (proxy, failures) => {
      const [grant, user] = [line.text('grant'), line.text('user')]
      if (!grant === !user) throw new SettingsError('--grant or --user: expected one of the two')
      const named = grant ? readGrant(grant) : undefined
      if (grant && !named) throw new SettingsError(noGrant('--grant'))
      const keys: GrantKey[] = named ? [named] : []
      if (user) for await (const grant of grantsOf(proxy, user)) keys.push(grant)
      let ended = 0
      // The process ends after the last one, so that each is waited for.
      for (const key of keys) {
        if (!(await proxy.grants.revoke(key, { wait: 30 }))) continue
        ended++
        process.stdout.write(`Ended ${key.user}.${key.id}\n`)
      }
      if (ended === 0) process.stderr.write('There is no such grant: see `lockgate grants list`.\n')
      for (const failure of failures()) {
        process.stderr.write(`The provider did not end its tokens: ${failure}\n`)
      }
      return ended === 0 || failures().length > 0 ? 1 : 0
    }),
}

const JUDGE: Flags = {
  end: { type: 'boolean', description: 'End them, here and at the provider' },
  json: { type: 'boolean', description: 'Write one JSON array' },
}

const judge: Command = {
  description: 'List the grants whose users `allow` does not admit now',
  flags: (args) => settingsFlags(args, JUDGE),
  note: SETTINGS_NOTE,
  run: (line) =>
    withProxy(
      variablesOfLine(line, JUDGE),
      async (proxy, failures) => {
        const found: JudgedGrant[] = []
        for await (const grant of proxy.grants.judge({ end: line.on('end') })) found.push(grant)
        process.stdout.write(line.on('json') ? `${JSON.stringify(found, undefined, 2)}\n` : toTable(found))
        for (const failure of failures()) {
          process.stderr.write(`The provider did not end its tokens: ${failure}\n`)
        }
        return failures().length > 0 ? 1 : 0
      },
      { needsProvider: true },
    ),
}

export const grantsCommand: Group = {
  description: 'List, revoke and judge the grants of users, in the storage of serve',
  commands: {
    list: { description: list.description, load: async () => list },
    revoke: { description: revoke.description, load: async () => revoke },
    judge: { description: judge.description, load: async () => judge },
  },
}

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
