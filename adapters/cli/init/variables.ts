import { isLoopbackHost } from '../../../src/internal.ts'
import { upstreamVariable } from '../configuration/providers.ts'
import type { Answers } from './answers.ts'

/** One variable of the file with the secrets. */
export interface Variable {
  readonly name: string
  /** Empty where the operator has to fill it in. */
  readonly value: string
  readonly comment?: string
}

/** Whether the runtime's entry says the rest itself: then only what is secret is a variable. */
export const inCode = ({ runtime }: Answers): boolean => runtime !== 'node' && runtime !== 'environment'

/** What belongs into `.env`: all that is secret, and for `serve` the provider and the storage. */
export function variablesOf(answers: Answers, secret: string, anyone: boolean): Variable[] {
  const { provider, definition, inputs, url, mcp, allow, storage, runtime } = answers
  const variables: Variable[] = [
    {
      name: 'LOCKGATE_SECRET',
      value: secret,
      comment: 'Anyone who has this can make tokens. Never commit it.',
    },
  ]
  if (!inCode(answers)) variables.push({ name: 'LOCKGATE_UPSTREAM', value: provider })
  for (const [input, value] of Object.entries(inputs)) {
    if (!inCode(answers) || isSecret(input)) variables.push({ name: upstreamVariable(input), value })
  }
  const comment = `Of the application that you register at ${definition.name}`
  variables.push({ name: upstreamVariable('clientId'), value: answers.clientId, comment })
  if (definition.secret === 'required' || (definition.secret === 'optional' && wantsSecret(answers))) {
    variables.push({ name: upstreamVariable('clientSecret'), value: answers.clientSecret })
  }
  if (!inCode(answers) || /^(rediss?|postgres(ql)?):/.test(storage)) {
    variables.push({ name: 'LOCKGATE_STORAGE', value: storage })
  }
  if (!inCode(answers) && (allow || anyone)) {
    const rule =
      'Who may sign in: user@example.com, @example.com, org:x, team:x/y, group:x or sub:x, by commas'
    variables.push({ name: 'LOCKGATE_ALLOW', value: allow, comment: rule })
  }
  if (runtime === 'environment') {
    variables.push({ name: 'LOCKGATE_URL', value: url }, { name: 'LOCKGATE_MCP', value: mcp })
  }
  const port = portOf(url)
  if (runtime !== 'workers' && port !== '8787') variables.push({ name: 'PORT', value: port })
  return variables
}

/** Where to listen: at the port of a URL on this machine, or behind something that knows 8787. */
export function portOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  if (!isLoopbackHost(hostname)) return '8787'
  return port || (protocol === 'https:' ? '443' : '80')
}

/** Of a provider's inputs only keys must not be seen. */
export const isSecret = (input: string): boolean => input === 'privateKey'

const wantsSecret = ({ inputs }: Answers): boolean => inputs.clientAuth !== 'none'

/**
 * Appends new variables to a file and fills in empty ones. A value that is there stays, unless the command line gave
 * another one. Everything else in the file stays too.
 *
 * @param given The variables that the command line gave.
 */
export function mergeVariables(
  before: string,
  variables: readonly Variable[],
  given: ReadonlySet<string>,
): string {
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n')
  for (const { name, value, comment } of variables) {
    const line = `${name}=${quote(value)}`
    const index = lines.findIndex((one) => one.startsWith(`${name}=`))
    const isKept = index >= 0 && lines[index] !== `${name}=` && !given.has(name)
    if (isKept) continue
    if (index >= 0) lines[index] = line
    else lines.push(...(comment ? [`# ${comment}`] : []), line)
  }
  return `${lines.join('\n')}\n`
}

/** As every reader of such files takes it. @throws {TypeError} For a text with all three kinds of quotes. */
function quote(value: string): string {
  if (/^[\w./:@,+~-]*$/.test(value)) return value
  const mark = ["'", '"', '`'].find((one) => !value.includes(one))
  if (!mark) throw new TypeError('A value with three kinds of quotes fits into no .env file')
  return mark + value + mark
}
