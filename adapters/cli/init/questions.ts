import * as clack from '@clack/prompts'
import { isLoopbackUrl as isLoopback } from '../../../src/internal.ts'
import { knownIssuer, namesClient } from '../configuration/known-issuers.ts'
import { MCP_CLIENTS } from '../configuration/mcp-clients.ts'
import {
  CHECKS,
  checkInput,
  definitionOf,
  flagOf,
  type Given,
  inputsOf,
  KNOWN,
  RUNTIMES,
  type Runtime,
} from './answers.ts'

/** Where questions are asked: the terminal, unless a test stands for it. */
export type Terminal = Pick<clack.CommonOptions, 'input' | 'output'>

/** A user who leaves in the middle wants nothing written. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}

/** Asks for what was not given by a flag. */
export async function ask(given: Given, terminal: Terminal = {}): Promise<Given> {
  const answers: Record<string, string | undefined> = { ...given }
  const done = <T>(answer: T | typeof clack.CANCEL_SYMBOL): T => {
    if (clack.isCancel(answer)) throw new Cancelled()
    return answer as T
  }
  const pick = async (
    flag: string,
    message: string,
    titles: Record<string, string>,
    initialValue?: string,
  ) => {
    const options = Object.entries(titles).map(([value, label]) => ({ value, label }))
    const asked = { message, options, maxItems: 10, ...(initialValue && { initialValue }), ...terminal }
    answers[flag] ??= done(await (options.length > 10 ? clack.autocomplete(asked) : clack.select(asked)))
  }
  const write = async (
    flag: string,
    message: string,
    how: { usual?: string; check?: ((text: string) => string | undefined) | undefined } = {},
  ) => {
    const { usual, check } = how
    const validate = (text: string | undefined) => check?.(text || usual || '')
    const asked = {
      message,
      validate,
      ...(usual && { placeholder: usual, defaultValue: usual }),
      ...terminal,
    }
    answers[flag] ??= done(await clack.text(asked))
  }
  const titlesOf = (table: Readonly<Record<string, { readonly title: string }>>) =>
    Object.fromEntries(Object.entries(table).map(([name, { title }]) => [name, title]))

  clack.intro('lockgate init', terminal)
  const names = await Promise.all(
    Object.keys(KNOWN).map(async (name) => [name, (await definitionOf(name))!.name] as const),
  )
  await pick('provider', 'Who signs your users in?', Object.fromEntries(names))
  const definition = await definitionOf(answers.provider)
  for (const [name, input] of inputsOf(definition).filter(([, { required }]) => required)) {
    const check = (text: string) => checkInput(input, text)
    await write(flagOf(name), `${definition?.name}: ${name} (${input.expected})`, { check })
  }
  await write('mcp', 'The URL of the MCP server to protect', {
    usual: 'http://localhost:3000/mcp',
    check: CHECKS.mcp,
  })
  await write('url', 'The address that clients and browsers will see', {
    usual: 'http://localhost:8787',
    check: CHECKS.url,
  })
  const known = knownIssuer(answers.provider)
  const isNeeded = known !== undefined && namesClient(known)
  const orLater = isNeeded ? '' : ' (empty: later)'
  await write('client-id', `Client id of your application at ${definition?.name}${orLater}`, {
    check: isNeeded ? (text) => (text === '' ? 'is part of the issuer' : undefined) : undefined,
  })
  if (definition?.secret !== 'none') {
    const message = 'Its client secret (empty: later)'
    answers['client-secret'] ??= done(await clack.password({ message, ...terminal }))
  }
  if (!isLoopback(answers.url ?? '')) {
    await write(
      'allow',
      'Who may sign in, separated by commas (empty: everyone with an account at the provider)',
      { check: CHECKS.allow },
    )
  }
  await pick('runtime', 'Where will it run?', titlesOf(RUNTIMES), 'node')
  const { storage } = RUNTIMES[answers.runtime as Runtime] ?? RUNTIMES.node
  if (answers.runtime !== 'workers') await write('storage', 'Where are grants kept?', { usual: storage })
  await pick('client', 'Which MCP client comes first?', titlesOf(MCP_CLIENTS), 'claude-code')
  return answers
}
