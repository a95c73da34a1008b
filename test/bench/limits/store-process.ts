/**
 * Measures one store in a process of its own, and prints its figures as JSON.
 *
 *   node --expose-gc --import tsx test/bench/limits/store-process.ts <store> <sizes, by comma> <minutes>
 */
import { measureStore } from './stores.ts'

const [name = '', sizes = '', minutes = ''] = process.argv.slice(2)
const figures = await measureStore(name, sizes.split(',').map(Number), Number(minutes))
process.stdout.write(`\n${JSON.stringify(figures)}`)
process.exit(0)
