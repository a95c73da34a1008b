import type { Settings } from '../options/options.ts'
import { invalidGrant } from '../refusals.ts'
import type { Grant } from './grant.ts'

/*
 * Several deployments may share a storage and a secret, each with its own `url`, provider and `allow`. A grant belongs to
 * one of them. Another one neither uses it nor judges its user, and changes nothing of it.
 */

type Deployment = Pick<Settings, 'issuer' | 'resources'>

const isServed = ({ resources }: Deployment, { resource }: Pick<Grant, 'resource'>): boolean =>
  resources.some(({ id }) => id === resource)

/** Returns whether this deployment made a grant. A record that does not say so belongs to the server that it is for. */
export const isOwn = (deployment: Deployment, grant: Pick<Grant, 'issuer' | 'resource'>): boolean =>
  grant.issuer === undefined ? isServed(deployment, grant) : grant.issuer === deployment.issuer

/**
 * Refuses a code or a refresh token of a grant that is not for this deployment to use. The grant stays as it is.
 *
 * @throws {OAuthError} `invalid_grant`
 */
export function assertUsable(deployment: Deployment, grant: Pick<Grant, 'issuer' | 'resource'>): void {
  if (!isOwn(deployment, grant)) throw invalidGrant('grant-of-another-deployment')
  if (!isServed(deployment, grant)) throw invalidGrant('server-not-configured')
}
