import { execFileSync } from 'node:child_process'
import { median } from './measure.ts'

const dist = new URL('../../dist/', import.meta.url).href

/** Programs that answer one request and say what it took since the process began, in milliseconds. */
const PROGRAMS = {
  bare: `const proxy = { fetch: async () => new Response('{}') }`,
  lockgate: `
    const [{ createProxy }, { github }, { memory }] = await Promise.all(
      ['index', 'providers/github', 'storage/memory'].map((name) => import('${dist}' + name + '.js')))
    const proxy = createProxy({ url: 'https://mcp.example.com', secret: 'a secret that is long enough to be one',
      upstream: github({ clientId: 'id', clientSecret: 'secret' }), storage: memory(), mcp: () => new Response() })`,
}

const PROOF = `
  const response = await proxy.fetch(new Request('https://mcp.example.com/.well-known/oauth-authorization-server'))
  await response.text()
  const { user, system } = process.cpuUsage()
  if (response.status === 200) console.log(JSON.stringify([performance.now(), (user + system) / 1000]))`

export interface ColdStart {
  /** Milliseconds from the start of the process to its first answer. */
  readonly passed: number
  /** Milliseconds its threads worked until then. */
  readonly worked: number
}

/** From a fresh process to its first answer, bare and with Lockgate: medians. */
export function coldStart(node: string, rounds: number): Record<keyof typeof PROGRAMS, ColdStart> {
  const samples = { bare: [] as number[][], lockgate: [] as number[][] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ['bare', 'lockgate'] as const) {
      const args = ['--input-type=module', '--eval', PROGRAMS[name] + PROOF]
      samples[name].push(JSON.parse(execFileSync(node, args, { encoding: 'utf8' })) as number[])
    }
  }
  const of = (name: keyof typeof PROGRAMS): ColdStart => ({
    passed: median(samples[name].map(([passed]) => passed!)),
    worked: median(samples[name].map(([, worked]) => worked!)),
  })
  return { bare: of('bare'), lockgate: of('lockgate') }
}
