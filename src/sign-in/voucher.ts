import type { Settings } from '../options/options.ts'
import type { Voucher } from '../pages/trust.ts'
import { isUrl } from '../protocol/document-url.ts'

/** Returns the party that vouches for the name of a client, by the client's short key. */
export const voucherOf = (client: string, { clients }: Pick<Settings, 'clients'>): Voucher =>
  clients.some(({ clientId }) => clientId === client)
    ? 'operator'
    : isUrl(client)
      ? { url: client }
      : undefined
