import type { ProxyOptions } from '../../../src/index.ts'
import { isLoopbackUrl } from '../../../src/internal.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { isOn } from './environment.ts'

export { isLoopbackUrl as isLoopback } from '../../../src/internal.ts'

type Env = NodeJS.ProcessEnv

/** What an operator may say that they mean, by variable. Each is a flag of `serve` too, in small letters. */
export const DANGEROUS = {
  'dangerously-allow-everyone': 'Let everybody in, where anybody may have an account at the provider',
  'dangerously-allow-memory-storage': 'Forget every grant at a restart, though the URL is public',
  'dangerously-allow-weak-secret':
    'Take a secret that was made up rather than drawn, though the URL is public',
} as const

/** `dangerously-allow-everyone` → `LOCKGATE_DANGEROUSLY_ALLOW_EVERYONE` */
export const dangerVariable = (flag: string): string => `LOCKGATE_${flag.replaceAll('-', '_').toUpperCase()}`

/**
 * What must not be served to the public by mistake, a line each, with what to do and what to say if it is meant.
 *
 * @param about.storage As `LOCKGATE_STORAGE` has it; `undefined` where the config file brings a store.
 */
export function findDangers(
  env: Env,
  about: {
    url: string
    storage: string | undefined
    upstream: ProxyOptions['upstream'] | undefined
    allow: ProxyOptions['allow'] | undefined
  },
): string[] {
  const means = (flag: keyof typeof DANGEROUS) => isOn(env, dangerVariable(flag))
  const [everyone, forgetful] = [
    means('dangerously-allow-everyone'),
    means('dangerously-allow-memory-storage'),
  ]
  if (isLoopbackUrl(about.url)) return []
  const problems: string[] = []
  const unless = (flag: keyof typeof DANGEROUS) =>
    `if that is meant: ${dangerVariable(flag)}=true or --${flag}`
  if (about.storage === 'memory:' && !forgetful) {
    problems.push(
      `LOCKGATE_STORAGE: memory: forgets every sign-in at a restart, and the URL is public. Take fs:, sqlite:, redis: or postgres:; ${unless('dangerously-allow-memory-storage')}`,
    )
  }
  const open = providersOf(about.upstream).find(({ publicAccounts }) => publicAccounts)
  if (open && !about.allow && !everyone) {
    problems.push(
      `LOCKGATE_ALLOW: is missing, and anybody may have an account at ${open.name}. Say who may sign in; ${unless('dangerously-allow-everyone')}`,
    )
  }
  return problems
}
