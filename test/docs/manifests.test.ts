import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { readSettings } from '../../adapters/cli/configuration/settings.ts'
import { readDocument } from '../rules/snippets.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { blockOf } from './blocks.ts'

/** The manifests of the guides: their members belong together, and `serve` accepts what they set. */

const SECRET = 'EMPVXqsyHGwQGOrXqzbeVv0M3GUXwLTrvKPRQTMOAu0'
/** Seconds that responses under way may take after SIGTERM, by default. */
const DRAIN = 30

let folder: string
let redis: RedisServer | undefined
beforeAll(async () => {
  redis = noRedis ? undefined : await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'lockgate-manifests-'))
})
afterAll(async () => {
  await redis?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Reads the settings of `serve` as a public deployment, where everything unsafe is refused. */
async function accepted(env: Record<string, string>) {
  // The manifests name a Redis of their own network.
  const here = { ...env, LOCKGATE_STORAGE: redis?.url ?? 'postgres://localhost/lockgate' }
  expect(env.LOCKGATE_STORAGE).toMatch(/^redis:/)
  const { options, listen } = await readSettings(here, folder, { dangers: true, dry: true })
  await (options.storage as { close?: () => Promise<void> }).close?.()
  return { options, listen }
}

describe('the systemd unit', () => {
  const unit = blockOf('docs/deploy/node.md', 'ini')
  const setting = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]

  test('has only sections and settings that systemd knows', async () => {
    for (const line of unit.split('\n').filter(Boolean)) {
      expect(line).toMatch(/^(\[(Unit|Service|Install)\]|[A-Z][A-Za-z]+=\S.*)$/)
    }
    if (!existsSync('/usr/bin/systemd-analyze')) return
    const file = join(folder, 'lockgate.service')
    // The program may lie elsewhere on this machine.
    await writeFile(file, unit.replace(/(?<=^ExecStart=)\S+/m, '/bin/true'))
    const output = execFileSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    expect(output).not.toContain('lockgate.service')
  })

  test('waits longer than responses under way may take, and may write where its storage is', () => {
    expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(DRAIN)
    expect(setting('ReadWritePaths')).toBe(setting('WorkingDirectory'))
    expect(setting('ExecStart')).toMatch(/^\/srv\/lockgate\/node_modules\/\.bin\/lockgate serve( |$)/)
  })

  test('is preceded by the commands that make its user, its folder and its variables', () => {
    const text = readDocument('docs/deploy/node.md')
    expect(text).toMatch(/^useradd .*--home-dir \/srv\/lockgate .*lockgate$/m)
    expect(text).toContain(setting('EnvironmentFile'))
    expect(text).toContain(`npm install --prefix ${setting('WorkingDirectory')} lockgate`)
  })
})

describe('the compose file', () => {
  interface Compose {
    services: Record<
      string,
      {
        image: string
        environment?: Record<string, string>
        secrets?: string[]
        stop_grace_period?: string
        depends_on?: Record<string, { condition: string }>
        restart?: string
        healthcheck?: { test: string[] }
        volumes?: string[]
        ports?: string[]
        command?: string
      }
    >
    volumes: Record<string, unknown>
    secrets: Record<string, { file: string }>
  }
  const compose = parse(blockOf('docs/deploy/docker.md', 'yaml')) as Compose
  const { lockgate, ...others } = compose.services

  test('names only services, volumes and secrets that it has', () => {
    for (const { secrets = [], depends_on = {}, volumes = [] } of Object.values(compose.services)) {
      for (const name of secrets) expect(compose.secrets).toHaveProperty(name)
      for (const name of Object.keys(depends_on)) expect(compose.services).toHaveProperty(name)
      for (const volume of volumes) expect(compose.volumes).toHaveProperty(volume.split(':')[0]!)
    }
    expect(Object.keys(compose.secrets).sort()).toEqual([...lockgate!.secrets!].sort())
  })

  test('publishes the port of Lockgate alone', () => {
    for (const { ports } of Object.values(others)) expect(ports).toBeUndefined()
    expect(lockgate!.ports).toEqual(['127.0.0.1:8787:8787'])
  })

  test('sets what serve accepts, with every secret from a file', async () => {
    const env: Record<string, string> = {}
    for (const [name, value] of Object.entries(lockgate!.environment!)) {
      const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1]
      expect(/SECRET/.test(name), name).toBe(secret !== undefined)
      if (secret) expect(lockgate!.secrets).toContain(secret)
      env[name] = secret ? join(folder, secret) : value
      if (secret) await writeFile(env[name]!, SECRET)
    }
    const { options } = await accepted(env)
    const host = new URL(options.mcp as string).hostname
    expect(compose.services, 'the MCP server').toHaveProperty(host)
    const store = new URL(env.LOCKGATE_STORAGE!).hostname
    expect(lockgate!.depends_on?.[store]).toEqual({ condition: 'service_healthy' })
    expect(compose.services[store]!.healthcheck?.test).toEqual(['CMD', 'redis-cli', 'ping'])
    expect(options.trustProxy).toBe(1)
  })

  test('starts everything again after a reboot', () => {
    for (const { restart } of Object.values(compose.services)) expect(restart).toBe('unless-stopped')
  })

  test('stops later than responses under way may take, and its Redis drops nothing', () => {
    expect(Number.parseInt(lockgate!.stop_grace_period!, 10)).toBeGreaterThan(DRAIN)
    expect(others.redis!.command).toContain('--maxmemory-policy noeviction')
    expect(others.redis!.command).toContain('--appendonly yes')
  })

  test('writes its secrets by the commands of the guide', () => {
    const text = readDocument('docs/deploy/docker.md')
    for (const { file } of Object.values(compose.secrets)) expect(text).toContain(`> ${basename(file)}`)
  })
})

describe('the Kubernetes manifests', () => {
  interface Probe {
    httpGet: { path: string; port: number }
    periodSeconds?: number
    failureThreshold?: number
  }
  interface Manifest {
    kind: string
    metadata: { name: string }
    spec: {
      replicas: number
      selector: { matchLabels: object }
      ports: { targetPort: number }[]
      template: {
        metadata: { labels: object }
        spec: {
          terminationGracePeriodSeconds: number
          containers: {
            ports: { containerPort: number }[]
            env: {
              name: string
              value?: string
              valueFrom?: { secretKeyRef: { name: string; key: string } }
            }[]
            livenessProbe: Probe
            readinessProbe: Probe
          }[]
        }
      }
    }
  }
  const file = 'docs/deploy/kubernetes.md'
  const manifests = parseAllDocuments(blockOf(file, 'yaml')).map((one) => {
    expect(one.errors).toEqual([])
    return one.toJS() as Manifest
  })
  const [deployment, service] = ['Deployment', 'Service'].map(
    (kind) => manifests.find((one) => one.kind === kind)!,
  )
  const { template, selector, replicas } = deployment!.spec
  const [container] = template.spec.containers

  test('select the pods that they make, and reach the port that they open', () => {
    expect(selector.matchLabels).toEqual(template.metadata.labels)
    expect(service!.spec.selector).toEqual(template.metadata.labels)
    const [{ containerPort }] = container!.ports as [{ containerPort: number }]
    expect(service!.spec.ports[0]!.targetPort).toBe(containerPort)
    for (const { httpGet } of [container!.livenessProbe, container!.readinessProbe]) {
      expect(httpGet).toEqual({ path: '/health', port: containerPort })
    }
  })

  const numberOf = (name: string) => Number(container!.env.find((one) => one.name === name)?.value)

  test('give a pod more time than its delay and responses under way may take', () => {
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(numberOf('LOCKGATE_DELAY') + DRAIN)
  })

  test('let a pod serve until Kubernetes has noticed that it is not ready', () => {
    const { periodSeconds = 10, failureThreshold = 3 } = container!.readinessProbe
    expect(numberOf('LOCKGATE_DELAY')).toBeGreaterThan(periodSeconds * failureThreshold)
  })

  test('set what serve accepts, with every secret from the Secret that the guide makes', async () => {
    const command = blockOf(file, 'sh', 'create secret')
    const [, secretName] = /create secret generic (\S+)/.exec(command)!
    const keys = [...command.matchAll(/--from-literal=([\w-]+)=/g)].map(([, key]) => key)
    const env: Record<string, string> = {}
    for (const { name, value, valueFrom } of container!.env) {
      expect(/SECRET/.test(name), name).toBe(valueFrom !== undefined)
      if (valueFrom) expect(valueFrom.secretKeyRef.name).toBe(secretName)
      if (valueFrom) expect(keys).toContain(valueFrom.secretKeyRef.key)
      env[name] = value ?? SECRET
    }
    const { listen, options } = await accepted(env)
    expect(listen).toMatchObject({ hostname: '0.0.0.0', port: container!.ports[0]!.containerPort })
    // Several replicas need a store that they share.
    expect(replicas).toBeGreaterThan(1)
    expect(options.storage.consistency).toBe('atomic')
  })
})
