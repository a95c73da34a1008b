import type { Context } from '../context.ts'
import { createAssertions } from '../forward/assertions.ts'
import type { Admission } from '../guard/admission.ts'
import type { Resource } from '../options/options.ts'
import { createTokenSource, type TokenSource } from './mcp-token.ts'

/** The credentials that a request carries to its MCP server. */
export interface Bearing {
  /** The bearer token. */
  readonly token?: string
  /** The signed identity. */
  readonly assertion?: string
}

/** Gets the credentials for the requests to one MCP server. */
export interface Bearings {
  /** Waits only if a token has to be looked up, or an identity to be signed. */
  of(admission: Admission): Bearing | Promise<Bearing>
  readonly source: TokenSource | undefined
}

const NOTHING: Bearing = {}

export function createBearings(resource: Resource, ctx: Context): Bearings {
  const source = createTokenSource(resource, ctx)
  const assertions = createAssertions(resource, { ...ctx.settings, signer: ctx.signer, emit: ctx.emit })

  async function wait(
    admission: Admission,
    assertion: string | undefined | Promise<string>,
  ): Promise<Bearing> {
    const signed = await assertion
    // A caller without a token has nothing that could be exchanged.
    const token = admission.isAnonymous ? undefined : await source?.token(admission)
    return { ...(token !== undefined && { token }), ...(signed !== undefined && { assertion: signed }) }
  }

  return {
    source,
    of(admission) {
      const assertion = assertions?.of(admission)
      if (assertion instanceof Promise || (source && !admission.isAnonymous))
        return wait(admission, assertion)
      return assertion === undefined ? NOTHING : { assertion }
    },
  }
}
