import { digest } from '../crypto/digest.ts'
import type { Provider } from '../providers/provider.ts'

/** Every member of a provider: `true` if it takes part in the decision about who comes in, or as whom. */
const DECIDES: Readonly<Record<keyof Provider, boolean>> = {
  // The application and its provider.
  issuer: true,
  issuerRule: true,
  callbackIssuer: true,
  discovery: true,
  endpoints: true,
  clientId: true,
  idToken: true,
  dangerouslyAllowHttp: true,
  // Accounts that the provider lets sign in.
  params: true,
  tokenParams: true,
  resource: true,
  headers: true,
  callback: true,
  // Accounts that are let in here, and who they are.
  requiredClaims: true,
  identity: true,
  identify: true,
  identifiesTokens: true,
  conformToken: true,
  memberships: true,
  groups: true,
  manyTenants: true,
  verifiesEmail: true,
  publicAccounts: true,
  // The id is in front of the digest.
  id: false,
  // A new secret or name must not sign users out.
  clientSecret: false,
  clientAssertion: false,
  assertionAudience: false,
  pushedRequests: false,
  name: false,
  // Only for warnings.
  rules: false,
  // The form of requests and responses.
  clientAuth: false,
  endpointAuth: false,
  basicEncoding: false,
  authenticate: false,
  scopes: false,
  optionalScopes: false,
  scopeParam: false,
  scopeSeparator: false,
  scopeWords: false,
  scopeImplies: false,
  scopeApi: false,
  sendScope: false,
  nonce: false,
  offlineConsent: false,
  accountPrompt: false,
  responseMode: false,
  pkce: false,
  refreshParams: false,
  exchangeScope: false,
  refreshScope: false,
  refreshRedirectUri: false,
  requestBody: false,
  answer: false,
  // The life of tokens.
  expiry: false,
  rotation: false,
  refreshKillsAccess: false,
  refreshErrors: false,
  tokensPerUser: false,
  revocation: false,
  revoke: false,
}

const DECIDING = Object.entries(DECIDES).flatMap(([name, decides]) =>
  decides ? [name as keyof Provider] : [],
)

/**
 * Returns the id of a tenant in grants. Tenants that differ in anything that decides who comes in have different ids.
 * Nothing of one tenant is then valid for another, even if they share an application at the provider.
 */
export const tenantId = (provider: Provider): string =>
  `${provider.id}-${digest(stable(DECIDING.map((name) => provider[name] ?? null))).slice(0, 16)}`

/**
 * Returns the name of a function that decides who comes in and is not the same one in two providers. What two functions
 * would decide cannot be compared.
 */
export const differentFunction = (one: Provider, other: Provider): string | undefined =>
  DECIDING.find((name) => {
    const [mine, theirs] = [functionsOf(one[name]), functionsOf(other[name])]
    return mine.length !== theirs.length || mine.some((fn, index) => fn !== theirs[index])
  })

function functionsOf(value: unknown): unknown[] {
  if (typeof value === 'function') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(functionsOf) : []
}

/** Returns JSON that does not depend on the order of members. A function leaves a trace, but not its meaning. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member === 'function') return 'function'
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
