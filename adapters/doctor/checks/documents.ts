import { ok, show, skip, warn } from '../finding.ts'
import type { Check } from '../world.ts'

/** Whether the address of a metadata document may be a client id (draft-ietf-oauth-client-id-metadata-document §5). */
export const documents: Check = ({ server }) => {
  if (!server) return []
  const [id, title] = ['documents', 'Addresses of metadata documents are accepted as client ids']
  const flag = server.document.client_id_metadata_document_supported
  if (flag === true) return [ok(id, title)]
  if (flag === undefined || flag === false) return [skip(id, title, 'not offered: clients have to register')]
  return [
    warn(id, title, {
      seen: `client_id_metadata_document_supported: ${show(flag)}`,
      expected: 'true or false',
      fix: 'Send the flag as a boolean: clients take nothing else for true.',
    }),
  ]
}
