import { expect, test } from 'vitest'
import {
  openidConfiguration,
  resourceMetadata,
  resourceMetadataPath,
  serverMetadata,
  wellKnownPath,
} from '../../src/protocol/documents.ts'

const issuer = 'https://proxy.test/base'
const grantTypes = ['authorization_code', 'refresh_token']

test('the metadata of the server names what the endpoints do, and nothing else', () => {
  expect(
    serverMetadata({
      issuer,
      scopes: ['mcp'],
      registers: true,
      documents: true,
      assertions: false,
      grantTypes,
    }),
  ).toEqual({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    registration_endpoint: `${issuer}/register`,
    client_id_metadata_document_supported: true,
    scopes_supported: ['mcp', 'offline_access'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  })
})

test('without registration there is no endpoint for it', () => {
  const document = serverMetadata({
    issuer,
    scopes: ['mcp'],
    registers: false,
    documents: false,
    assertions: false,
    grantTypes,
  })
  expect(document).not.toHaveProperty('registration_endpoint')
})

test('the metadata of a resource names the issuer in the same spelling, and no empty list', () => {
  const resource = { id: `${issuer}/mcp`, name: 'Tools', defaultScope: [] }
  const document = {
    resource: `${issuer}/mcp`,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    resource_name: 'Tools',
  }
  expect(resourceMetadata(resource, issuer)).toEqual(document)
  expect(resourceMetadata({ ...resource, defaultScope: ['mcp'] }, issuer)).toEqual({
    ...document,
    scopes_supported: ['mcp'],
  })
})

test('offline_access is of the server, never of a resource', () => {
  const defaultScope = ['mcp']
  const document = resourceMetadata({ id: issuer, name: 'Tools', defaultScope }, issuer)
  expect(document.scopes_supported).toEqual(defaultScope)
})

test('the metadata of a resource names the address that was asked for', () => {
  const resource = { id: `${issuer}/mcp`, name: 'Tools', defaultScope: ['mcp'] }
  expect(resourceMetadata(resource, issuer, `${issuer}/mcp/`).resource).toBe(`${issuer}/mcp/`)
})

test('the server may keep to itself that its responses carry iss', () => {
  const server = { issuer, scopes: ['mcp'], registers: true, documents: true, assertions: false, grantTypes }
  expect(serverMetadata({ ...server, issParameter: false })).not.toHaveProperty(
    'authorization_response_iss_parameter_supported',
  )
})

test('an OpenID configuration has the members that its form requires', () => {
  expect(openidConfiguration({ issuer }, issuer)).toEqual({
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  })
})

test('a resource document lies at the root of the host, or below a path of the operator', () => {
  expect(resourceMetadataPath('/base/mcp')).toBe('/.well-known/oauth-protected-resource/base/mcp')
  expect(resourceMetadataPath('/base/mcp', '/base')).toBe('/base/.well-known/oauth-protected-resource/mcp')
  expect(resourceMetadataPath('/base', '/base')).toBe('/base/.well-known/oauth-protected-resource')
})

test('the well-known part comes between host and path', () => {
  expect(wellKnownPath('oauth-protected-resource', '/base/mcp')).toBe(
    '/.well-known/oauth-protected-resource/base/mcp',
  )
  expect(wellKnownPath('oauth-authorization-server', '')).toBe('/.well-known/oauth-authorization-server')
})
