import type { Editor } from '../forward/editor.ts'
import type { Reshape } from '../forward/reshape.ts'
import type { Admission } from '../guard/admission.ts'
import type { AuditOptions } from '../options/mcp-rules.ts'
import { isObject, type RpcBody } from '../protocol/json-rpc.ts'
import { callOfMessage, type McpCall } from '../protocol/mcp-call.ts'
import { isPrintableName } from '../protocol/mcp-request.ts'
import type { Refusals } from './mcp-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/** Bytes of a response that are kept to find out how a call ended. */
const KEPT = 1_048_576

type Outcome = 'ok' | 'tool-error' | 'error' | 'unanswered'

/** Reports each action of a request once its response is over. */
export type Audit = (visit: Visit, admission: Admission, body: RpcBody, inner: Reshape | undefined) => Reshape

/** Creates the audit of calls. The bodies pass as they are. */
export function createAudit({ arguments: describe }: AuditOptions, { about }: Refusals): Audit {
  return (visit, admission, body, inner) => {
    const began = performance.now()
    const outcomes = new Map<unknown, Outcome>()
    let size = 0
    let status: number | undefined
    let isOver = false

    function observe(text: string): void {
      try {
        const messages: unknown = JSON.parse(text)
        for (const one of [messages].flat()) {
          if (!isObject(one) || one.id === undefined || one.method !== undefined) continue
          const { result } = one
          const isToolError = isObject(result) && result.isError === true
          outcomes.set(one.id, result === undefined ? 'error' : isToolError ? 'tool-error' : 'ok')
        }
      } catch {
        // A body that is not JSON is no response to a call.
      }
    }

    /** Returns how a call ended. One call and one response belong together, even if the id was not kept exactly. */
    function outcomeOf(id: unknown): Outcome | undefined {
      const [only] = outcomes.size === 1 && body.messages.length === 1 ? outcomes.values() : []
      return outcomes.get(id) ?? only
    }

    function report(call: McpCall, id: unknown): void {
      const fallback: Outcome =
        status === undefined || status >= 400 ? 'error' : id === undefined ? 'ok' : 'unanswered'
      const { method, tool } = call
      visit.call.emit({
        type: 'called',
        ...about(admission),
        method: isPrintableName(method) ? method : 'other',
        tool: tool !== undefined && isPrintableName(tool) ? tool : undefined,
        outcome: outcomeOf(id) ?? fallback,
        status,
        size,
        duration: Math.round(performance.now() - began),
        arguments: argumentsOf(call),
      })
    }

    function argumentsOf(call: McpCall): string | undefined {
      try {
        return describe?.(call)
      } catch {
        return undefined
      }
    }

    return {
      whole: (code) => inner?.whole(code) ?? false,
      changes: inner?.changes ?? false,
      text(text) {
        size += text.length
        observe(text)
        return inner ? inner.text(text) : text
      },
      event(data) {
        size += data.length
        observe(data)
        return inner ? inner.event(data) : data
      },
      watch: () =>
        watchBody(observe, (more) => {
          size += more
        }),
      answered(code) {
        status = code
      },
      over() {
        if (isOver) return
        isOver = true
        for (const message of body.messages) {
          const call = callOfMessage(message)
          if (call) report(call, message.id)
        }
      },
    }
  }
}

/** Lets a body pass, and keeps the beginning of it to read it at the end. */
function watchBody(observe: (text: string) => void, count: (bytes: number) => void): Editor {
  const decoder = new TextDecoder()
  let kept: string | undefined = ''
  return {
    push(chunk) {
      count(chunk.length)
      if (kept !== undefined)
        kept = kept.length > KEPT ? undefined : kept + decoder.decode(chunk, { stream: true })
      return chunk as Uint8Array<ArrayBuffer>
    },
    end() {
      if (kept) observe(kept + decoder.decode())
      return new Uint8Array()
    },
  }
}
