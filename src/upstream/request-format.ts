import type { Fetch } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'

/** Adds the headers that a provider needs on every request, unless the request has its own. */
export function withHeaders(fetch: Fetch, provider: Provider): Fetch {
  if (!provider.headers) return fetch
  return (url, init) => {
    const headers = new Headers(init.headers)
    for (const [name, value] of Object.entries(provider.headers ?? {}))
      if (!headers.has(name)) headers.set(name, value)
    return fetch(url, { ...init, headers })
  }
}

/** Converts a form to JSON for providers that read only JSON. */
export function asBody(init: RequestInit, { requestBody }: Provider): RequestInit {
  if (requestBody !== 'json' || !(init.body instanceof URLSearchParams)) return init
  const headers = new Headers(init.headers)
  headers.set('content-type', 'application/json')
  return { ...init, headers, body: JSON.stringify(Object.fromEntries(init.body)) }
}
