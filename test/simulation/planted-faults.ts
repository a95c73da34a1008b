/** One change of the product that takes a protection away. */
export interface Plant {
  readonly name: string
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** The store to look on, `atomic` by default. */
  readonly store?: 'atomic' | 'process' | 'eventual'
}

/** The protections that the distributed protocol rests on. */
export const PLANTS: readonly Plant[] = [
  {
    name: 'an assertion is used twice',
    file: 'src/assertions/assertions.ts',
    find: "if (!isNew) throw refuse('assertion-replayed')",
    replace: 'void isNew',
  },
]
