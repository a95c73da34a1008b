import type { ProxyOptions } from '../../../src/index.ts'
import { isLoopbackUrl } from '../../../src/internal.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { toSwitch, type Variables } from './environment.ts'

/** The unsafe settings that an operator may confirm, by flag. Each has a variable of the same name. */
export const DANGEROUS = {
  'dangerously-allow-everyone': 'Allow everyone with an account at a provider that has public accounts',
  'dangerously-allow-memory-storage': 'Keep grants in memory, although the URL is public',
  'dangerously-allow-weak-secret': 'Accept a secret that can be guessed, although the URL is public',
} as const

/** `dangerously-allow-everyone` → `LOCKGATE_DANGEROUSLY_ALLOW_EVERYONE` */
export const dangerVariable = (flag: string): string => `LOCKGATE_${flag.replaceAll('-', '_').toUpperCase()}`

/**
 * Returns what must not be public by mistake, a line each, with the way to confirm it.
 *
 * @param about.storage As `LOCKGATE_STORAGE` spells it; `undefined` if the config file brings a store.
 */
export function findDangers(
  { get, from }: Variables,
  about: {
    url: string
    storage: string | undefined
    upstream: ProxyOptions['upstream'] | undefined
    allow: ProxyOptions['allow'] | undefined
  },
): string[] {
  const isConfirmed = (flag: keyof typeof DANGEROUS) => {
    const variable = dangerVariable(flag)
    const text = get(variable)
    return text !== undefined && toSwitch(text, from(variable)!)
  }
  const [everyone, inMemory] = [
    isConfirmed('dangerously-allow-everyone'),
    isConfirmed('dangerously-allow-memory-storage'),
  ]
  if (isLoopbackUrl(about.url)) return []
  const problems: string[] = []
  const unless = (flag: keyof typeof DANGEROUS) => `if you mean it: ${dangerVariable(flag)}=true or --${flag}`
  if (about.storage === 'memory:' && !inMemory) {
    problems.push(
      `LOCKGATE_STORAGE: memory: forgets every sign-in at a restart, and the URL is public. Use fs:, sqlite:, redis: or postgres:; ${unless('dangerously-allow-memory-storage')}`,
    )
  }
  const open = providersOf(about.upstream).find(({ publicAccounts }) => publicAccounts)
  if (open && !about.allow && !everyone) {
    problems.push(
      `LOCKGATE_ALLOW: is missing, and anyone can have an account at ${open.name}. Name who may sign in; ${unless('dangerously-allow-everyone')}`,
    )
  }
  return problems
}
