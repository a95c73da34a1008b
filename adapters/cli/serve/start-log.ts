import type { LogFormat } from './log.ts'
import type { StartReport } from './report.ts'

/** Tells how a start goes, on standard error. With the format `json` each line is one object, as in the log. */
export interface StartLog {
  ready(report: StartReport): void
  warn(message: string): void
  /** Tells of a change for the better. */
  note(message: string): void
  /** @param problems What is wrong, a line each. */
  failed(problems: string): void
}

export const createStartLog = (format: LogFormat, write: (text: string) => void): StartLog =>
  format === 'json' ? jsonLog(write) : textLog(write)

function textLog(write: (text: string) => void): StartLog {
  const warning = (message: string) => `  warning      ${message}\n`
  return {
    ready({ rows, warnings, from }) {
      const lines = rows.flatMap(([name, value, path]) =>
        [value].flat().map((text, index) => {
          const origin = index === 0 && path !== undefined ? from.get(path) : undefined
          const source = origin === undefined ? '' : `  (${origin})`
          return `  ${(index === 0 ? name : '').padEnd(13)}${text}${source}\n`
        }),
      )
      // One write, so that no other line comes between.
      write(['Lockgate is ready.\n', ...lines, ...warnings.map(warning)].join(''))
    },
    warn: (message) => write(warning(message)),
    note: (message) => write(`  ${message}\n`),
    failed: (problems) => write(`${problems}\n`),
  }
}

/** `may sign in` → `maySignIn` */
const memberOf = (name: string): string =>
  name.toLowerCase().replace(/ ([a-z])/g, (_, letter: string) => letter.toUpperCase())

function jsonLog(write: (text: string) => void): StartLog {
  const line = (type: string, members: object) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), type, ...members })}\n`)
  const warn = (message: string) => line('warning', { message })
  return {
    ready({ rows, warnings, from }) {
      const members = rows.map(([name, value]) => [memberOf(name), value] as const)
      const origins = rows.flatMap(([name, , path]) => {
        const origin = path === undefined ? undefined : from.get(path)
        return origin === undefined ? [] : [[memberOf(name), origin] as const]
      })
      line('ready', { ...Object.fromEntries(members), from: Object.fromEntries(origins) })
      warnings.forEach(warn)
    },
    warn,
    note: (message) => line('note', { message }),
    failed: (problems) => line('not-started', { problems: problems.split('\n') }),
  }
}
