/** Event streams that listen for what may come: they never end by themselves. */
export interface Streams {
  /** The answer as it is to be sent: the same, but that {@link end} can end it. */
  track(request: Request, response: Response): Response
  /** Ends all of them, as their server might: the client comes back, to whoever listens then. */
  end(): void
}

export function createStreams(): Streams {
  const open = new Set<() => void>()

  function endable(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    let end: () => void
    let ended = false
    return new ReadableStream({
      start(controller) {
        end = () => {
          ended = true
          open.delete(end)
          controller.close()
          reader.cancel().catch(() => {})
        }
        open.add(end)
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (ended) return
          if (done) end()
          else controller.enqueue(value)
        } catch (error) {
          open.delete(end)
          if (!ended) controller.error(error)
        }
      },
      cancel(reason) {
        open.delete(end)
        return reader.cancel(reason)
      },
    })
  }

  return {
    track(request, response) {
      const type = response.headers.get('content-type') ?? ''
      if (request.method !== 'GET' || !response.body || !type.startsWith('text/event-stream')) return response
      const { status, statusText, headers } = response
      return new Response(endable(response.body), { status, statusText, headers })
    },
    end() {
      for (const one of [...open]) one()
    },
  }
}
