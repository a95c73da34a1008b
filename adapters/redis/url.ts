import { parseUrl, StatedError } from '../../src/internal.ts'
import { checkParameters } from '../storage/url-parameters.ts'

/** The parameters that ioredis takes from a URL, and `cluster`. */
const PARAMETERS = [
  'cluster db family host name password path port protocol role tls username clientInfoTag',
  'commandTimeout connectTimeout connectionName disableClientInfo disconnectTimeout',
  'enableAutoPipelining enableOfflineQueue enableReadyCheck keepAlive keyPrefix lazyConnect',
  'maxLoadingRetryTime maxRetriesPerRequest noDelay readOnly sentinelPassword sentinelUsername',
  'showFriendlyErrorStack socketTimeout stringNumbers',
].flatMap((line) => line.split(' '))

/** @throws {StatedError} For a URL of which ioredis would ignore or misread a part. */
export function checkUrl(text: string): void {
  const url = parseUrl(text)
  if (!url || !/^rediss?:$/.test(url.protocol)) {
    throw new StatedError('`url` must be redis://host or rediss://host')
  }
  checkParameters(url, PARAMETERS)
  const { searchParams } = url
  if (searchParams.has('keyPrefix')) throw new StatedError('Use `prefix` instead of `keyPrefix` in the URL')
  const cluster = searchParams.get('cluster')
  if (cluster !== null && !/^(true|false)$/.test(cluster)) {
    throw new StatedError('`cluster` in the URL must be true or false')
  }
  const databases = [url.pathname.slice(1), ...searchParams.getAll('db')].filter((name) => name !== '')
  if (!databases.every((name) => /^\d{1,9}$/.test(name))) {
    throw new StatedError('the database in the URL must be a number, as in redis://host:6379/0')
  }
  if (cluster === 'true' && databases.some((name) => Number(name) !== 0)) {
    throw new StatedError('a Redis cluster has only database 0: leave the number out of the URL')
  }
}
