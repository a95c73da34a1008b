import type { Settings } from '../../options/options.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import type { GrantType } from './grant-type.ts'
import { jwtBearer } from './jwt-bearer.ts'
import { refreshToken } from './refresh-token.ts'

/** Every grant type there is. */
const GRANT_TYPES: readonly GrantType[] = [authorizationCode, refreshToken, clientCredentials, jwtBearer]

/** Returns the grant types that some client may use. */
export const offeredGrantTypes = (settings: Settings): readonly GrantType[] =>
  GRANT_TYPES.filter((type) => type.isOffered(settings))
