/** Changes a body on its way, part by part. */
export interface Editor {
  /** Returns the bytes to send for a part that came. May be empty. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer>
  /** Returns the last bytes. Called once, after the last part. */
  end(): Uint8Array<ArrayBuffer>
}

const encoder = new TextEncoder()

/** Characters of the longest event. A longer one is dropped. */
const LONGEST = 8 * 1024 * 1024

/**
 * Creates an editor of event streams, which sends each event as soon as it is complete.
 *
 * @param edit Gets the data of an event. Returns other data, the same data to keep the event as it is, or `undefined`
 * to drop it.
 * @see [HTML, Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)
 */
export function createEventEditor(edit: (data: string) => string | undefined): Editor {
  const decoder = new TextDecoder()
  /** The lines of the event that is not complete yet, and the beginning of its next line. */
  let lines: string[] = []
  let rest = ''
  let size = 0
  /** `true` after a CR at the end of a part: a LF that follows belongs to it. */
  let endsWithCr = false

  function event(): string {
    const own = lines
    lines = []
    const isTooLong = size > LONGEST
    size = 0
    if (isTooLong) return ''
    const data = own.filter(isData).map((line) => line.replace(/^data:? ?/, ''))
    // A line without a field of the format may be anything.
    const known = own.filter((line) => isData(line) || /^(:|(event|id|retry)(:|$))/.test(line))
    if (data.length === 0) return known.length > 0 ? `${known.join('\n')}\n\n` : ''
    const before = data.join('\n')
    const after = edit(before)
    if (after === undefined) return ''
    if (after === before) return `${known.join('\n')}\n\n`
    const others = known.filter((line) => !isData(line))
    return `${[...others, ...after.split('\n').map((line) => `data: ${line}`)].join('\n')}\n\n`
  }

  function take(text: string): string {
    let out = ''
    let from = 0
    if (endsWithCr && text.startsWith('\n')) from = 1
    if (text !== '') endsWithCr = false
    for (let at = from; at < text.length; at++) {
      const char = text.charCodeAt(at)
      if (char !== LF && char !== CR) continue
      const line = rest + text.slice(from, at)
      rest = ''
      if (char === CR) {
        if (at + 1 === text.length) endsWithCr = true
        else if (text.charCodeAt(at + 1) === LF) at++
      }
      from = at + 1
      if (line !== '') {
        size += line.length
        if (size <= LONGEST) lines.push(line)
      } else if (lines.length > 0 || size > 0) {
        out += event()
      }
    }
    rest += text.slice(from)
    if (size + rest.length > LONGEST) {
      size = LONGEST + 1
      rest = ''
    }
    // A comment alone keeps the connection alive: it does not wait for the end of an event.
    if (lines.length > 0 && rest === '' && lines.every((line) => line.startsWith(':'))) {
      out += `${lines.join('\n')}\n`
      lines = []
      size = 0
    }
    return out
  }

  return {
    push: (chunk) => encoder.encode(take(decoder.decode(chunk, { stream: true }))),
    end() {
      const out = take(decoder.decode())
      if (rest !== '') lines.push(rest)
      rest = ''
      return encoder.encode(lines.length > 0 ? out + event() : out)
    },
  }
}

const LF = 10
const CR = 13

const isData = (line: string): boolean => line === 'data' || line.startsWith('data:')

/** Returns a stream whose parts an editor has changed. */
export function edited(
  body: ReadableStream<Uint8Array>,
  editor: Editor,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        const out = editor.push(chunk)
        if (out.length > 0) controller.enqueue(out)
      },
      flush(controller) {
        const out = editor.end()
        if (out.length > 0) controller.enqueue(out)
      },
    }),
  )
}
