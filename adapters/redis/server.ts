import type { Commands } from './client.ts'

/** Returns the server's `maxmemory-policy`, or `undefined` if the user may not see it. */
export async function evictionPolicy(commands: Commands): Promise<string | undefined> {
  const info = await commands.info('memory').catch((error: Error) => {
    if (/\bNOPERM\b/.test(error.message)) return ''
    throw error
  })
  return /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1]
}

/** Replies, and what the operator can do about them. */
const REPLIES: readonly (readonly [RegExp, string])[] = [
  [/\bNOPERM\b.*\bkey/, 'the Redis user may not use these keys: allow it ~lockgate*, or your `prefix`'],
  [/\b(NOAUTH|WRONGPASS)\b|invalid password|AUTH <password>/i, 'Redis refuses the user name or the password'],
  [/\bREADONLY\b/, 'Redis is a replica, which cannot be written: use the address of its primary'],
  [
    /\bDB index is out of range\b/,
    'Redis has no database of this number: use a lower one, or raise `databases` in its configuration',
  ],
  [
    /\b(MOVED|CROSSSLOT|ASK)\b|SELECT is not allowed in cluster mode/,
    'Redis is a cluster: add ?cluster=true to the URL, or give a cluster client as `client`',
  ],
  [/\bOOM\b/, 'Redis is full: raise its maxmemory'],
  [/\bMISCONF\b/, 'Redis cannot save to its disk and refuses writes: see its log'],
]

/** Returns whether a reply tells of a setting that is wrong, so that it is explained to operators at any time. */
export const isMisconfigured = (error: unknown): boolean =>
  error instanceof Error && (/^MOVED\b/.test(error.message) || isSelect(error))

/** Returns whether an error is the refusal of the database that the operator chose. */
export const isSelect = (error: unknown): boolean =>
  (error as { command?: { name?: string } } | undefined)?.command?.name === 'select'

/** Returns what is wrong with a server by the error it replied with, or `undefined` for any other failure. */
export function explainReply(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : ''
  const command = /\bNOPERM\b.*?'([\w|]+)'/.exec(message)?.[1]
  if (command) return `the Redis user may not run '${command}': allow it that command`
  return REPLIES.find(([reply]) => reply.test(message))?.[1]
}
