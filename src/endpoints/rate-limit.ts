import type { Call, Context, Endpoint } from '../context.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'

/** Limits the requests to an endpoint from one address. */
export const limited =
  (endpoint: Endpoint): Endpoint =>
  async (request, ctx, call) => {
    await ctx.limits.stranger(call.address())
    return endpoint(request, ctx, call)
  }

/**
 * Does work for a client that claims an id. Refuses it before the claim is checked if the client failed too often.
 *
 * @throws {OAuthError} `too_many_requests`, or the failure of the work, which counts.
 */
export async function countFailures<T>(
  { limits }: Context,
  call: Call,
  clientId: string,
  work: () => Promise<T>,
): Promise<T> {
  const address = call.address()
  // A sealed id is long, and the limiter keeps its keys.
  const short = digest(clientId).slice(0, 22)
  await limits.client(short, address)
  try {
    return await work()
  } catch (error) {
    if (error instanceof OAuthError) await limits.clientFailed(short, address, error)
    throw error
  }
}
