import { randomBytes } from 'node:crypto'
import type { Operation } from './measure.ts'
import { expectStatus, type Send, type Session, type Subject } from './subjects/subject.ts'

/** Characters of Lockgate's access tokens. */
const TOKEN_LENGTH = 311

/** A guarded request. Reading its body is the server's business, so it has none. */
const guarded = ({ resource }: Subject, authorization: string): Request =>
  new Request(resource, { method: 'POST', headers: { authorization, accept: 'application/json' } })

const randomText = (): string => randomBytes(TOKEN_LENGTH).toString('base64url').slice(-TOKEN_LENGTH)

/** The same token with one character changed where only the cryptography can tell. */
export function altered(token: string): string {
  const at = token.length - 12
  return `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`
}

/** Everything that can be measured of a product. @param grants How many it has. */
export async function operationsOf(subject: Subject, send: Send, grants: number): Promise<Operation[]> {
  const { name, register, signIn, refresh, restart, twin } = subject
  const operation = (path: string, times: number, prepare: Operation['prepare']): Operation => ({
    path,
    subject: name,
    times,
    prepare,
  })
  const call = async (token: string, status: number) => {
    const response = await send(guarded(subject, `Bearer ${token}`))
    if (response.status !== status) await expectStatus(response, status)
  }
  if (!signIn || !refresh) {
    // As many and as long as real ones: to read a header is a cost of HTTP.
    const texts = Array.from({ length: grants }, randomText)
    return [operation('guard, warm', 2000, async () => (index) => call(texts[index % grants]!, 200))]
  }

  const clientId = register ? await register(send) : 'bench'
  const sessions: Session[] = []
  for (let index = 0; index < grants; index++) sessions.push(await signIn(send, clientId))
  const session = (index: number) => sessions[index % sessions.length]!
  const list = [
    operation('guard, warm', name === 'lockgate' ? 2000 : 200, async () => {
      for (let index = 0; index < grants; index++) await call(session(index).accessToken, 200)
      return (index) => call(session(index).accessToken, 200)
    }),
    operation('invalid token, random', 200, async () => {
      const tokens = sessions.map(randomText)
      return (index) => call(tokens[index % tokens.length]!, 401)
    }),
    operation('invalid token, its end altered', 200, async () => {
      const tokens = sessions.map(({ accessToken }) => altered(accessToken))
      return (index) => call(tokens[index % tokens.length]!, 401)
    }),
    operation('sign-in', 30, async () => () => signIn(send, clientId)),
    operation('refresh', 100, async () => async (index) => {
      sessions[index % sessions.length] = await refresh(send, session(index))
    }),
  ]
  // Grants that the process has not seen: given out by its twin, or seen before it forgot everything.
  const cold = operation('guard, cold', Math.min(200, grants), async () => {
    if (!twin) {
      restart?.()
      // Keys are derived once in the life of a process.
      await call(altered(session(0).accessToken), 401)
      return (index) => call(session(index).accessToken, 200)
    }
    const fresh: Session[] = []
    for (let index = 0; index < Math.min(200, grants); index++) fresh.push(await signIn(twin, clientId))
    return (index) => call(fresh[index]!.accessToken, 200)
  })
  const registration = operation('registration', 100, async () => () => register!(send))
  return [...list, cold, ...(register ? [registration] : [])]
}
