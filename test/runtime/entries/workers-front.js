/** A Worker in front, which may give up on a request. */
export default {
  async fetch(request, { APP }) {
    const after = request.headers.get('x-abort-after')
    if (after === null) return APP.fetch(request)
    const signal = AbortSignal.timeout(Number(after))
    try {
      const response = await APP.fetch(new Request(request, { signal }))
      return new Response(await response.arrayBuffer(), response)
    } catch {
      return new Response(null, { status: 499 })
    }
  },
}
