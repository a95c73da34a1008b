/** How one thing that was looked at turned out. Only `fail` makes the command end with 1. */
export type Status = 'ok' | 'fail' | 'warn' | 'skip'

/** One thing that was looked at. */
export interface Finding {
  /** Stable, such as `server.issuer`: verdicts and scripts name findings by it. */
  readonly id: string
  readonly title: string
  readonly status: Status
  /** What the server said; for `skip`, why nothing was asked. */
  readonly seen?: string | undefined
  readonly expected?: string | undefined
  /** One sentence: what to change. */
  readonly fix?: string | undefined
  /** Nothing came from the other side, so nothing is shown about it. */
  readonly unreached?: true | undefined
}

/** What was seen instead of what was expected, and what to do about it. */
export interface Problem {
  readonly seen: string
  readonly expected: string
  readonly fix: string
}

export const ok = (id: string, title: string, seen?: string): Finding => ({ id, title, status: 'ok', seen })

export const skip = (id: string, title: string, seen: string): Finding => ({
  id,
  title,
  status: 'skip',
  seen,
})

export const fail = (id: string, title: string, problem: Problem): Finding => ({
  id,
  title,
  status: 'fail',
  ...problem,
})

export const warn = (id: string, title: string, problem: Problem): Finding => ({
  id,
  title,
  status: 'warn',
  ...problem,
})

/** A request without a response, or with one of something in between: it says nothing about the other side. */
export const unreached = (finding: Finding): Finding => ({ ...finding, unreached: true })

/** Tells whether the other side itself responded: not a proxy on the way, and not a server that fails. */
export const isFromThere = (status: number): boolean => status > 0 && status < 500 && status !== 407

/** `fail` where there is a problem, else `ok`. */
export const judge = (id: string, title: string, problem: Problem | undefined, seen?: string): Finding =>
  problem ? fail(id, title, problem) : ok(id, title, seen)

/** A value as people may read it: short, on one line, without credentials, and nothing that moves a terminal. */
export function show(value: unknown, limit = 160): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim()
  const bare = plain.replace(/:\/\/[^\s/@]*@/g, '://')
  return bare.length > limit ? `${bare.slice(0, limit - 3)}...` : bare
}
