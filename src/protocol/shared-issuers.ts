import { type ClaimMatch, isNested } from './claim-rules.ts'

/** An issuer that signs for all its customers. A rule for its tokens has to say whose they are. */
interface SharedIssuer {
  readonly name: string
  owns(url: URL): boolean
  /** Alternatives: each is a list of claims that together name one customer. */
  readonly pins: readonly (readonly Pin[])[]
}

/** A claim, and the form of a value that names one customer, before any `*`. Default: a whole value. */
interface Pin {
  readonly claim: string
  readonly form?: RegExp
}

const pins = (...claims: string[]): Pin[][] => claims.map((claim) => [{ claim }])
const onHost =
  (...hosts: string[]) =>
  ({ host }: URL): boolean =>
    hosts.includes(host)

const SHARED: readonly SharedIssuer[] = [
  {
    name: 'GitHub Actions',
    owns: ({ host, pathname }) =>
      /^token\.actions\.(githubusercontent\.com|[\w-]+\.ghe\.com)$/.test(host) ||
      pathname === '/_services/token',
    pins: [
      ...pins('repository_owner_id', 'repository_id', 'enterprise_id'),
      [{ claim: 'sub', form: /^repo:[^*/:]+\// }],
    ],
  },
  { name: 'gitlab.com', owns: onHost('gitlab.com'), pins: pins('namespace_id', 'project_id') },
  {
    name: 'Google',
    owns: onHost('accounts.google.com'),
    pins: [
      [{ claim: 'sub', form: /^\d+$/ }],
      [{ claim: 'email' }, { claim: 'email_verified', form: /^true$/ }],
    ],
  },
  {
    name: 'Microsoft',
    owns: onHost(
      'login.microsoftonline.com',
      'login.microsoftonline.us',
      'login.partner.microsoftonline.cn',
      'sts.windows.net',
    ),
    pins: pins('oid', 'sub'),
  },
  {
    name: 'Buildkite',
    owns: onHost('agent.buildkite.com'),
    pins: [
      ...pins('organization_id', 'organization_slug', 'pipeline_id'),
      [{ claim: 'sub', form: /^organization:[^*:]+:/ }],
    ],
  },
  {
    name: 'HCP Terraform',
    owns: onHost('app.terraform.io'),
    pins: [
      ...pins('terraform_organization_id', 'terraform_workspace_id', 'terraform_project_id'),
      [{ claim: 'sub', form: /^organization:[^*:]+:/ }],
    ],
  },
  {
    name: 'Vercel',
    owns: ({ host, pathname }) => host === 'oidc.vercel.com' && pathname === '/',
    pins: [...pins('owner_id', 'project_id'), [{ claim: 'sub', form: /^owner:[^*:]+:/ }]],
  },
]

/** Hosts on which the path of an issuer names the customer. */
const BY_PATH: readonly { readonly host: RegExp; readonly path: RegExp; readonly example: string }[] = [
  { host: /^identity\.anthropic\.com$/, path: /^\/issuers\/[^/]+$/, example: '/issuers/<tenant>' },
  { host: /^claude\.ai$/, path: /^\/v1\/ema\/t\/[^/]+$/, example: '/v1/ema/t/<tenant>' },
  {
    host: /^(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn)$/,
    path: /^\/(?!(common|organizations|consumers)\/)[^/]+\/v2\.0$/i,
    example: '/<tenant id>/v2.0',
  },
  {
    host: /^sts\.windows\.net$/,
    path: /^\/(?!(common|organizations|consumers)\/)[^/]+\/$/i,
    example: '/<tenant id>/',
  },
]

const sharedBy = (issuer: string): SharedIssuer | undefined => {
  const url = new URL(issuer)
  return SHARED.find(({ owns }) => owns(url))
}

/** Returns the form that the path of an issuer lacks, if its host is shared by customers with a path each. */
export function missingTenantPath(issuer: string): string | undefined {
  const { host, pathname } = new URL(issuer)
  return BY_PATH.find((one) => one.host.test(host) && !one.path.test(pathname))?.example
}

/** Returns the name of an issuer that signs for anyone, so that its subjects are no users of one organization. */
export function namesAnyone(issuer: string): string | undefined {
  const shared = sharedBy(issuer)
  return shared && !BY_PATH.some(({ host }) => host.test(new URL(issuer).host)) ? shared.name : undefined
}

/** Returns what a rule has to name so that it matches one customer of a shared issuer only, or `undefined` if it does. */
export function missingPin(issuer: string, match: ClaimMatch): string | undefined {
  const shared = sharedBy(issuer)
  if (!shared || shared.pins.some((together) => together.every((pin) => isPinned(match, pin))))
    return undefined
  const choices = shared.pins.map((together) => together.map(({ claim }) => claim).join(' with '))
  return `${shared.name} signs for all its customers: also match ${choices.join(', or ')}`
}

function isPinned(match: ClaimMatch, { claim, form = /^[^*]+$/ }: Pin): boolean {
  const wanted = Object.hasOwn(match, claim) ? match[claim]! : undefined
  if (wanted === undefined || isNested(wanted)) return false
  const values = [wanted].flat()
  return values.length > 0 && values.every((value) => form.test(String(value)))
}
