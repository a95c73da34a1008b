import type { Store } from '../../../src/index.ts'
import { fromUrl, storageForms } from '../../storage/from-url.ts'
import { SettingsError } from './environment.ts'

/** @throws {SettingsError} If the text names no storage that can be used. */
export async function openStorage(storage: string, origin: string): Promise<Store> {
  try {
    return await fromUrl(storage)
  } catch (error) {
    throw new SettingsError(
      `${origin}: ${error instanceof TypeError ? error.message : `expected ${storageForms}`}`,
    )
  }
}

/** Returns a storage without its password and its options, for the start-up report. */
export const shownStorage = (storage: string): string =>
  storage.replace(/\/\/[^@]*@/, '//').replace(/\?.*$/s, '')
