/** One request as the client's program sends it, also from a page of its own. */
export type Program = (url: string, init?: RequestInit) => Promise<Response>

/** @throws {Error} Where what must hold does not. */
export function check<T>(value: T, rule: string): NonNullable<T> {
  if (!value) throw new Error(`broken: ${rule}`)
  return value
}

/** @throws {Error} Where the answer is no JSON object. */
export async function json(answer: Response): Promise<Record<string, unknown>> {
  const type = answer.headers.get('content-type') ?? ''
  check(type.startsWith('application/json'), `${answer.url} answers in JSON, not ${type}`)
  return (await answer.json()) as Record<string, unknown>
}

/**
 * Requests of a program. With an `origin` they are a browser's: each is preceded by the preflight that a browser
 * would send, and its answer has to be readable by the page.
 */
export function program(origin: string | undefined): Program {
  if (origin === undefined) {
    // A redirect of metadata or tokens is one step too many for some clients.
    return (url, init) => fetch(url, { ...init, redirect: 'error' })
  }
  return async (url, init = {}) => {
    const headers = new Headers(init.headers)
    headers.set('mcp-protocol-version', '2025-11-25')
    const asked = [...headers.keys()]
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': init.method ?? 'GET',
        'access-control-request-headers': asked.join(','),
      },
    })
    check(preflight.ok, `the preflight of ${url} is answered without a token`)
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase()
    for (const name of asked) check(allowed.includes(name), `a page may send ${name} to ${url}`)
    headers.set('origin', origin)
    const answer = await fetch(url, { ...init, headers, redirect: 'error' })
    const readable = answer.headers.get('access-control-allow-origin')
    check(readable === '*' || readable === origin, `a page may read ${url}`)
    return answer
  }
}
