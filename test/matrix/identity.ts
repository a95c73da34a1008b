import {
  type OAuthClientInformationFull,
  OAuthClientInformationFullSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { DocumentServer } from '../support/document-server.ts'
import type { Found } from './discover.ts'
import { check, json, type Program } from './program.ts'
import type { Shape } from './shape.ts'

/** What a client is to this server, and how it proves that. */
export interface Identity {
  readonly id: string
  readonly name: string | undefined
  /** Puts its proof into a request, as the method that was agreed on has it. */
  prove(body: URLSearchParams, headers: Headers): Promise<void>
}

/** By its document where it has one, by registration elsewhere. */
export async function introduce(
  shape: Shape,
  found: Found,
  call: Program,
  documents: DocumentServer | undefined,
): Promise<Identity> {
  const { document } = shape
  if (document === undefined) return register(shape, found, call)
  check(found.server.client_id_metadata_document_supported, 'the metadata says that documents are taken')
  const method = String(document.content.token_endpoint_auth_method)
  const offered = found.server.token_endpoint_auth_methods_supported ?? []
  // Some take it that documents work only where this is offered.
  check(offered.includes('none'), 'the metadata offers the method none')
  check(offered.includes(method), `the metadata offers the method ${method}`)
  return publish(shape, found, method, check(documents, 'documents are published here'))
}

async function publish(
  { document }: Shape,
  found: Found,
  method: string,
  documents: DocumentServer,
): Promise<Identity> {
  const { path, content } = document!
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const signs = method === 'private_key_jwt'
  const keys = signs ? { jwks_uri: documents.put(`${path}/jwks.json`, { keys: [key] }) } : {}
  const id = documents.put(path, { client_id: documents.origin + path, ...content, ...keys })
  return {
    id,
    name: String(content.client_name),
    async prove(body) {
      body.set('client_id', id)
      if (!signs) return
      const assertion = await new SignJWT({ iss: id, sub: id, aud: found.server.issuer })
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime('1 minute')
        .sign(privateKey)
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', assertion)
    },
  }
}

async function register(shape: Shape, found: Found, call: Program): Promise<Identity> {
  const endpoint = check(found.server.registration_endpoint, 'the metadata names a registration_endpoint')
  const ask = async () => {
    const answer = await call(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(shape.registration),
    })
    check(answer.status === 201, `registration answers 201, not ${answer.status}`)
    const body = await json(answer)
    check(!Object.values(body).includes(null), 'the registration holds no null')
    const client = OAuthClientInformationFullSchema.parse(body)
    check(
      String(client.redirect_uris) === String(shape.registration.redirect_uris),
      'every redirect URI is registered as it came',
    )
    return client
  }
  const first = await ask()
  if (shape.registersAgainAfter === undefined) return registered(first)
  await new Promise((resolve) => setTimeout(resolve, shape.registersAgainAfter))
  const second = await ask()
  check(second.client_id !== first.client_id, 'each registration has an id of its own')
  return registered(second)
}

/** With the method that the registration's answer names: that is what clients go by. */
const registered = (client: OAuthClientInformationFull): Identity => ({
  id: client.client_id,
  name: client.client_name,
  async prove(body, headers) {
    const { client_id: id, client_secret: secret, token_endpoint_auth_method: method } = client
    if (method === 'client_secret_basic') headers.set('authorization', `Basic ${btoa(`${id}:${secret}`)}`)
    else body.set('client_id', id)
    if (method === 'client_secret_post') body.set('client_secret', check(secret, 'there is a secret'))
  },
})
