import type { Fetch, ProxyOptions } from '../../../src/index.ts'
import { fetchIssuerKeys } from '../../../src/internal.ts'
import { type Finding, fail, ok, show, warn } from '../finding.ts'

type TrustedIssuer = NonNullable<ProxyOptions['trustedIssuers']>[number]

const LONG = 600

/**
 * Examines each trusted issuer: whether its keys can be fetched, and the values to enter at the issuer.
 *
 * @param resources The URLs of the MCP servers.
 */
export async function issuerFindings(
  options: ProxyOptions,
  { issuer, resources, fetch }: { issuer: string; resources: readonly string[]; fetch: Fetch },
): Promise<Finding[]> {
  const { trustedIssuers = [] } = options
  const findings = await Promise.all(
    trustedIssuers.map(async (entry, index) => [
      await keysFinding(entry, index, fetch),
      ...valuesFindings(entry, index, { options, issuer, resources }),
    ]),
  )
  return findings.flat()
}

async function keysFinding({ issuer, jwks }: TrustedIssuer, index: number, fetch: Fetch): Promise<Finding> {
  const [id, title] = [`issuers.${index}.keys`, `The keys of ${show(issuer)} can be fetched`]
  if (typeof jwks === 'object') return ok(id, title, `${jwks.keys.length} in the settings`)
  try {
    const { keys } = await fetchIssuerKeys({ issuer, jwks }, fetch)
    if (keys.length > 0) return ok(id, title, `${keys.length} found`)
    return fail(id, title, { seen: 'an empty key set', expected: 'public keys', fix: FIX })
  } catch (error) {
    const seen = show(error instanceof Error ? error.message : 'an error')
    return fail(id, title, {
      seen,
      expected: 'a discovery document of this very issuer, and its keys',
      fix: FIX,
    })
  }
}

const FIX =
  'Compare `issuer` with the `iss` of an assertion, character by character, and check that this machine reaches it; or set `jwks`.'

/** Tells the values that an administrator has to enter at the issuer. */
function valuesFindings(
  { issuer: name, use, audience }: TrustedIssuer,
  index: number,
  { options, issuer, resources }: { options: ProxyOptions; issuer: string; resources: readonly string[] },
): Finding[] {
  const title = (for_: string) => `Enter at ${show(name)} for ${for_}`
  const audienceOf = (usual: string) => `audience ${(audience ?? [usual]).join(' or ')}`
  const clients = [
    ...(options.clients ?? []).map(({ clientId }) => clientId),
    ...(options.ema?.clients ?? []),
  ]
  const servers = `resource ${resources.join(' or ')}`
  const findings: Finding[] = []
  if (use.includes('id-jag')) {
    const id = `issuers.${index}.id-jag`
    const values = `${audienceOf(issuer)}, ${servers}, client_id ${clients.join(' or ')}`
    findings.push(
      clients.length > 0
        ? ok(id, title('people'), show(values, LONG))
        : warn(id, title('people'), {
            seen: 'no client may exchange an ID-JAG',
            expected: 'a client in `clients`, or a metadata document in `ema.clients`',
            fix: 'Add the client that your users have, such as its metadata document to `ema.clients`.',
          }),
    )
  }
  if (use.includes('workload'))
    findings.push(ok(`issuers.${index}.workload`, title('workloads'), show(audienceOf(issuer), LONG)))
  if (use.includes('bearer')) {
    const values = audience ? audienceOf(issuer) : `audience ${resources.join(' or ')}`
    findings.push(ok(`issuers.${index}.bearer`, title('bearer tokens'), show(values, LONG)))
  }
  return findings
}
