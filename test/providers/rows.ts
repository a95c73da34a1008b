import { BUSINESS } from './rows/business.ts'
import { MICROSOFT } from './rows/microsoft.ts'
import { OPENID } from './rows/openid.ts'
import type { Row } from './rows/row.ts'
import { SERVICES } from './rows/services.ts'

export { GUID, type Row } from './rows/row.ts'

/** Every provider in front of its imitation. */
export const ROWS: readonly Row[] = [...OPENID, ...MICROSOFT, ...SERVICES, ...BUSINESS]
