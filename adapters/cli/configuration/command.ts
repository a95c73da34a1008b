/** One flag of a command. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly description: string
  /** The placeholder of the value in the help text. */
  readonly hint?: string
  /** The only values that the flag accepts. */
  readonly values?: readonly string[]
  readonly default?: string
  /** Leaves the flag out of the help text. */
  readonly hidden?: boolean
  /** Refuses the flag with this sentence. */
  readonly refused?: string
}

export type Flags = Readonly<Record<string, Flag>>

/** The parsed command line of one command. */
export interface Line {
  /** The value of a flag with a value, or its default. */
  text(flag: string): string | undefined
  /** `true` if the switch was given. */
  on(flag: string): boolean
  /** Every flag that was given, with `true` for a switch. */
  readonly given: Readonly<Record<string, string | true>>
  readonly words: readonly string[]
  /** The words after `--`. */
  readonly rest: readonly string[]
}

/** A command that runs. */
export interface Command {
  readonly description: string
  readonly flags?: Flags | ((args: readonly string[]) => Flags | Promise<Flags>)
  /** The words that the command accepts, in order. */
  readonly words?: readonly { readonly name: string; readonly description: string }[]
  /** What the words after `--` are, for a command that accepts any. */
  readonly rest?: string
  /** A last paragraph of the help text. */
  readonly note?: string
  /** Runs the command. A returned number ends the process with that exit code. */
  run(line: Line): Promise<number | undefined>
}

/** A command that only has commands below it. */
export interface Group {
  readonly description: string
  readonly commands: Readonly<Record<string, Entry>>
}

/** A command with its description, loaded on use. */
export interface Entry {
  readonly description: string
  load(): Promise<Command | Group>
}

/** A command line that is not understood. The process ends with 2, as shells do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
