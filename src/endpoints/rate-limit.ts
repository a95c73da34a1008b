import type { ProvenClient } from '../clients/authenticate-client.ts'
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
 * Does work for a client that has to prove its identity first. Refuses the claim unchecked if it failed too often.
 *
 * @param party The claimed client. `prove` returns it, or throws.
 * @throws {OAuthError} `too_many_requests`, or the failure of the proof or the work, which counts.
 */
export async function asClient<T>(
  { limits }: Context,
  call: Call,
  party: { readonly id: string; readonly isStrict?: boolean; prove(): Promise<ProvenClient> },
  work: (proven: ProvenClient) => Promise<T>,
): Promise<T> {
  const { id, isStrict } = party
  // A digest, because a sealed id is long and the limiter keeps its keys.
  const claim = { client: digest(id).slice(0, 22), address: call.address(), ...(isStrict && { isStrict }) }
  await limits.claimed(claim)
  let isProven = false
  try {
    const proven = await party.prove()
    isProven = true
    await limits.proven(claim)
    return await work(proven)
  } catch (error) {
    if (error instanceof OAuthError) await limits.failed(claim, error, isProven || exists(error))
    throw error
  }
}

/**
 * Lets a server prove its identity. Its requests are not counted, because the operator configured it. Failures
 * are.
 *
 * @throws {OAuthError} `too_many_requests`, or the failure of the proof.
 */
export async function asCaller(
  { limits }: Context,
  call: Call,
  id: string,
  prove: () => Promise<ProvenClient>,
): Promise<void> {
  const claim = { client: digest(`resource-server:${id}`).slice(0, 22), address: call.address() }
  await limits.claimed(claim)
  try {
    const { spend } = await prove()
    // The operator configured its keys, so no stranger causes this write.
    await spend()
  } catch (error) {
    if (error instanceof OAuthError) await limits.failed(claim, error, exists(error))
    throw error
  }
}

/** Tells whether a failed proof was that of a client that exists. Random ids must not fill the limiter. */
const exists = ({ code, reason }: OAuthError): boolean =>
  code === 'invalid_client' && reason !== 'unknown-client'
