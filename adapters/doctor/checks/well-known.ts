import { askMetadata, pathOf } from '../discovery.ts'
import { type Finding, fail, judge, type Problem, show } from '../finding.ts'
import { type Answer, type Probe, sketch } from '../probe.ts'
import type { Check, World } from '../world.ts'

/** OpenID Connect Discovery §3: without these the document breaks clients that check it before they fall back. */
const OIDC_MEMBERS = ['jwks_uri', 'subject_types_supported', 'id_token_signing_alg_values_supported']

/** Every address at which some client looks: the right document, or a plain 404. A page with status 200 ends discovery. */
export const wellKnown: Check = async (world) => {
  const answers = [...world.serverAnswers, ...(await others(world))]
  const problem = answers.map((answer) => judgeOne(answer, world)).find(Boolean)
  return [
    judge(
      'well-known.server',
      'Wherever clients look, the answer is the document or 404',
      problem,
      `${answers.length} addresses`,
    ),
    await unknown(world.probe, world.origin),
  ]
}

/** Variants that older clients try: the root, the path of the MCP server, and the path before the well-known part. */
async function others({ probe, origin, path, issuer }: World): Promise<Answer[]> {
  const [host, own] = [new URL(issuer).origin, pathOf(issuer)]
  const urls = new Set([
    `${host}/.well-known/oauth-authorization-server`,
    `${host}${own}/.well-known/oauth-authorization-server`,
    `${host}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ])
  const answers: Answer[] = []
  for (const url of urls) answers.push(await askMetadata(probe, url))
  return answers
}

function judgeOne(answer: Answer, world: World): Problem | undefined {
  const { status, json, url } = answer
  const seen = `${show(url)}: ${sketch(answer)}`
  if (status >= 400 && status < 500) return undefined
  if (status === 200 && json) return judgeDocument(json, url, world)
  if (status >= 300 && status < 400) {
    return {
      seen,
      expected: 'the document itself, or 404',
      fix: 'Answer metadata addresses directly: clients do not follow them elsewhere.',
    }
  }
  return {
    seen,
    expected: '404, best with JSON, where there is no metadata',
    fix: 'Answer unknown well-known addresses with 404, not with a page of the application: it ends discovery for clients.',
  }
}

function judgeDocument(
  json: Readonly<Record<string, unknown>>,
  url: string,
  world: World,
): Problem | undefined {
  const { origin, pathname } = new URL(url)
  const implied =
    origin + pathname.replace(/\/\.well-known\/(oauth-authorization-server|openid-configuration)/, '')
  const issuers = [world.issuer, world.server?.document.issuer, implied, `${implied}/`]
  if (!issuers.includes(json.issuer as string)) {
    return {
      seen: `${show(url)}: issuer ${show(json.issuer)}`,
      expected: `${show(world.issuer)}, or 404`,
      fix: 'Serve one document with one issuer at each of these addresses, or 404.',
    }
  }
  const missing = url.includes('openid-configuration') ? OIDC_MEMBERS.filter((name) => !(name in json)) : []
  if (missing.length === 0) return undefined
  return {
    seen: `${show(url)}: no ${missing.join(', ')}`,
    expected: 'a complete OpenID Connect document, or 404',
    fix: 'Answer 404 there unless the server is an OpenID Connect provider: clients refuse half a document.',
  }
}

async function unknown(probe: Probe, origin: string): Promise<Finding> {
  const title = 'An unknown well-known address gets 404'
  const answer = await askMetadata(probe, `${origin}/.well-known/lockgate-doctor`)
  if (answer.status >= 400 && answer.status < 500) return judge('well-known.unknown', title, undefined)
  return fail('well-known.unknown', title, {
    seen: `${show(answer.url)}: ${sketch(answer)}`,
    expected: '404',
    fix: 'Let no catch-all page or redirect of the site answer below /.well-known/.',
  })
}
