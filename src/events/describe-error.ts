import { ConfigError, OAuthError, StatedError } from '../errors.ts'

/** Messages of runtimes that quote nothing. */
const FIXED: ReadonlySet<string> = new Set([
  'fetch failed',
  'terminated',
  'Failed to fetch',
  'Network connection lost.',
])

/** Causes that are described. The outermost error often says least. */
const DEPTH = 4

/**
 * Describes an unexpected error for an event, with its causes: by name and code. A message is repeated only if it is known
 * to quote nothing, because messages of runtimes and libraries quote headers, tokens and documents.
 */
export const describeError = (error: unknown): string => chain(error, known)

/**
 * Describes an error that a function of the application threw. Its message is the operator's own. What it quotes, and what
 * looks like a token or an address, is left out all the same.
 */
export const describeApplicationError = (error: unknown): string =>
  chain(error, (one) => known(one) ?? withoutValues(one))

function chain(error: unknown, messageOf: (error: Error) => string | undefined): string {
  try {
    return linked(error, messageOf)
  } catch {
    // A proxy object or a getter may throw at every touch.
    return 'an error that cannot be read'
  }
}

function linked(error: unknown, messageOf: (error: Error) => string | undefined): string {
  const texts: string[] = []
  for (let current = error; current !== undefined && current !== null && texts.length < DEPTH; ) {
    if (!(current instanceof Error)) return [...texts, typeof current].join(': ')
    const { name, code } = current as Error & { code?: unknown }
    texts.push([plain(name), plain(code) ?? messageOf(current)].filter((part) => part).join(' '))
    current = current.cause
  }
  return texts.join(' ← ')
}

/** Returns a name or code of letters and digits only: libraries put other texts there too. */
const plain = (text: unknown): string | undefined =>
  typeof text === 'string' && /^\w{1,64}$/.test(text) ? text : undefined

function known(error: Error): string | undefined {
  const isOwn = error instanceof OAuthError || error instanceof ConfigError || error instanceof StatedError
  if (isOwn || FIXED.has(error.message)) return error.message
  // Redis begins a refusal with a code, and may quote the command after it.
  if (error.name === 'ReplyError') return /^[A-Z]{2,20}\b/.exec(error.message)?.[0]
  // Deno names the permission, and quotes the address or the file.
  if (error.name === 'NotCapable') return /--allow-[a-z]+/.exec(error.message)?.[0]
  // Deno tells why a connection failed in the message alone, beside the address.
  return error.message.match(/client error \(\w{1,30}\)|os error \d{1,5}/g)?.join(', ')
}

/** Characters of the longest message that is repeated. */
const LONGEST = 200

/** Parts of a message that may be a value: quoted texts, e-mail addresses, URLs and long words. */
const VALUE = /"[^"]*"?|'[^']*'?|`[^`]*`?|\S*@\S*|\w+:\/\/\S*|[^\s"'`]{20,}/g

/** The messages of parsers quote their input without marks. */
const PARSERS: ReadonlySet<string> = new Set(['SyntaxError', 'ValiError', 'ZodError'])

function withoutValues({ name, message }: Error): string | undefined {
  if (PARSERS.has(name)) return undefined
  return message.slice(0, LONGEST).replace(VALUE, '…')
}
