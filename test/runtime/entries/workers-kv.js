import { cloudflareKv } from 'lockgate/storage/cloudflare-kv'
import { fromEnv } from 'lockgate/workers'
import { options } from './options.js'

/** A key of the tests. Two places with this storage could make different ones. */
const key = {
  kty: 'EC',
  x: 'yh5F79CFu89DD2c52-j9FYI2DnUh7-5GDq5hY9L88Ck',
  y: 'UfWP6jf77i52xtKooKZBtduOwXzp9aBWk7pWlmZGUw0',
  crv: 'P-256',
  d: 'BqoNQeb4iNL2CVlOIVlQTNebH7umnTNp7Wcl6TvH5u8',
}

export default fromEnv((env) => ({
  ...options(env),
  storage: cloudflareKv(env.LOCKGATE),
  signing: { keys: [key] },
}))
