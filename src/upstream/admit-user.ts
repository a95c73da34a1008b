import { callHook } from '../options/call-hook.ts'
import type { ProxyOptions } from '../options/options.ts'
import type { Identity } from '../ports.ts'
import { isAllowed } from '../protocol/allow.ts'
import type { Upstream } from './upstream.ts'

/** What `allow` says of somebody; without it everybody is welcome. */
export async function isWelcome(
  allow: ProxyOptions['allow'],
  { provider }: Pick<Upstream, 'provider'>,
  identity: Identity,
): Promise<boolean> {
  if (allow === undefined) return true
  if (typeof allow === 'function') {
    return (await callHook('allow', () => allow(identity, { provider }))) === true
  }
  return isAllowed(identity, allow, provider)
}
