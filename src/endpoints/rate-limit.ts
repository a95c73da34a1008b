import type { Client } from '../clients/client.ts'
import type { Call, Context, Endpoint } from '../context.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'

/** An endpoint that anybody may call, so many times from one address. */
export const limited =
  (endpoint: Endpoint): Endpoint =>
  async (request, ctx, call) => {
    await ctx.limits.stranger(call.address())
    return endpoint(request, ctx, call)
  }

type Find = (clientId: string) => Promise<Client | undefined>

/**
 * Work that starts with a client's proof of who it is: refused before that is looked at where it failed too often.
 *
 * @param work Gets what it must look the client up with.
 */
export async function countFailures<T>(
  { limits }: Context,
  call: Call,
  find: Find,
  work: (find: Find) => Promise<T>,
): Promise<T> {
  const address = call.address()
  let id: string | undefined
  try {
    return await work(async (clientId) => {
      // A sealed id is long, and keys are kept.
      const short = digest(clientId).slice(0, 22)
      await limits.client(short, address)
      id = short
      return find(clientId)
    })
  } catch (error) {
    if (id !== undefined && error instanceof OAuthError) await limits.clientFailed(id, address, error)
    throw error
  }
}
