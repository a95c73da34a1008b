/** One instruction of a Dockerfile, such as `RUN` with its text. */
export interface Instruction {
  readonly name: string
  readonly text: string
}

/** One `FROM` with what follows it. */
export interface Stage {
  readonly base: string
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

/** Reads a Dockerfile into its stages. Comments are left out, and continued lines are joined. */
export function stagesOf(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = []
  for (const line of lines) {
    const [, name, rest] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    if (name === undefined || rest === undefined) throw new Error(`not an instruction: ${line}`)
    if (name === 'FROM') {
      const [, base, as] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? []
      stages.push({ base: base!, name: as, instructions: [] })
    } else stages.at(-1)!.instructions.push({ name, text: rest })
  }
  return stages
}

/** Returns the words of an instruction in its JSON form: `["lockgate", "health"]`. */
export const wordsOf = (text: string): string[] => JSON.parse(text) as string[]
