import { PLANTS } from './planted-faults.ts'
import { simulate } from './processes.ts'

/**
 * Plants one fault at a time in the product and lets the simulation find it: a simulation that finds nothing proves
 * nothing by itself.
 *
 * @param names The faults to plant. Empty: all.
 * @returns The number of faults that were not found.
 * @throws {Error} A name is not known, or the text of a fault is not in its file.
 */
export async function findPlants(
  names: readonly string[],
  { histories, first, processes }: { histories: number; first: number; processes: number },
): Promise<number> {
  const unknown = names.find((name) => !PLANTS.some((plant) => plant.name === name))
  if (unknown !== undefined) throw new Error(`there is no planted fault "${unknown}"`)
  const chosen = PLANTS.filter(({ name }) => names.length === 0 || names.includes(name))
  let missed = 0
  console.log(`| removed | histories | seed | rule that broke |\n| --- | --- | --- | --- |`)
  for (const plant of chosen) {
    const store = plant.store ?? 'atomic'
    const { failures } = await simulate({ first, histories, store }, { processes, plant })
    const [earliest] = [...failures].sort((a, b) => a.seed - b.seed)
    if (!earliest) missed++
    const found = earliest ? `${earliest.seed - first + 1} | ${earliest.seed}` : `none in ${histories} |`
    console.log(`| ${plant.name} | ${found} | ${earliest?.rule.split(':')[0] ?? 'none'} |`)
  }
  console.log(`\n${chosen.length - missed} of ${chosen.length} planted faults were found`)
  return missed
}
