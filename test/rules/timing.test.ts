import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ms, scaleTiming, seconds } from '../../src/timing.ts'

afterEach(() => scaleTiming(1))

describe('the table of durations', () => {
  test('ships these waits and deadlines, in milliseconds', () => {
    expect(ms).toEqual({
      hook: 8000,
      storage: 8000,
      storageEngine: 5000,
      storageListing: 60_000,
      storageLocked: 3000,
      folderLockTouch: 2000,
      folderLockStale: 10_000,
      unreadableFile: 2_592_000_000,
      abandonedFile: 60_000,
      eventualRead: [150, 400, 900, 1600],
      kvWrite: [400, 800, 1200],
      objectSweep: 60_000,
      sqlConnect: 2500,
      sqlStatement: 2000,
      sqlQuery: 2500,
      redisCommand: 2500,
      redisLimit: 250,
      redisSilent: 2000,
      redisConnect: 2000,
      redisRetry: 1000,
      redisPause: 100,
      redisPolicy: 60_000,
      redisIndex: 3_600_000,
      limiter: 1000,
      limiterPause: 1000,
      singleFlight: 3000,
      provider: 10_000,
      callback: 45_000,
      requestBody: 10_000,
      inspectedBody: 30_000,
      document: 5000,
      issuerDocument: 10_000,
      refreshPauses: [200, 800],
      refreshWithin: 4000,
      refreshOnceMore: 500,
      savePauses: [500, 1000, 2000, 4000],
      saveWithin: 15_000,
      saveLatePause: 1000,
      saveLateWithin: 600_000,
      refreshPoll: 150,
      refreshWait: 10_000,
      refreshMargin: 2000,
      refreshLongest: 45_000,
      refreshGlance: 1000,
      refreshPause: 5000,
      revokePauses: [500, 2000, 6000],
      revokeWithin: 15_000,
      streamCheck: 500,
      requestHead: 20_000,
      drainIdle: 250,
      drainSweep: 25,
      eventWindow: 10_000,
      descriptorWarning: 60_000,
      shutdown: 5000,
      wrapIdle: 1_800_000,
      startCheck: 10_000,
      egressCheck: 60_000,
      doctorStream: 5000,
      doctorSignIn: 600_000,
    })
  })

  test('ships these ages and lifetimes, in seconds', () => {
    expect(seconds).toEqual({
      retryStorage: 2,
      retryLater: 5,
      retryStreams: 5,
      streamSilent: 10,
      providerSoon: 2,
      providerLater: 5,
      discoveryFresh: 3600,
      discoveryFailed: 5,
      providerKeys: 300,
      providerKeysAway: 3600,
      refreshRefused: 30,
      newerSignIn: 604_800,
      tokenSkew: 60,
      tokenSpread: 30,
      tokenEdge: 5,
      checkAgain: 60,
      clockSkew: 30,
      tokenYoung: 60,
      refreshLease: 25,
      leaseSkew: 30,
      codeRepeated: 2,
      session: 3600,
      limitWindow: 60,
      unknownKey: 10,
      assertionLife: 3600,
      assertionSkew: 60,
      idJagLife: 300,
      workloadLife: 3600,
      issuerSkew: 60,
      issuerKeysLeast: 300,
      issuerKeysMost: 86_400,
      issuerKeysPause: 30,
      issuerKeysFailed: 5,
      workloadVerified: 60,
      appleSecret: 300,
      clientAssertion: 60,
      metadataCached: 300,
      keyOverlap: 86_400,
      signingKeysRead: 300,
      signingKeysPause: 10,
      keysCached: 600,
      identityLife: 60,
      identityReused: 30,
      exchangedEdge: 60,
      claimsChallenge: 86_400,
      exchangedUnknown: 300,
      documentFresh: 300,
      documentFreshMost: 86_400,
      documentPause: 10,
      documentFailed: 60,
    })
  })

  test('keeps the deadlines in an order that lets the inner one speak first', () => {
    expect(ms.storageEngine).toBeLessThan(ms.storage)
    expect(ms.refreshWithin + ms.provider).toBeLessThan(seconds.refreshLease * 1000)
    expect(ms.revokeWithin + ms.provider).toBeLessThan(30_000)
  })

  test('scales its waits for tests, always from the shipped values', () => {
    scaleTiming(0.5)
    scaleTiming(0.1)
    expect([ms.hook, ms.revokePauses]).toEqual([800, [50, 200, 600]])
    scaleTiming(1)
    expect([ms.hook, ms.revokePauses]).toEqual([8000, [500, 2000, 6000]])
  })
})

test('no other file holds a duration', () => {
  const root = new URL('../..', import.meta.url).pathname
  const files = ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'timing.ts')
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  const direct = /\bsetTimeout\(\w+,\s*\d{2,}[\d_]*\)|AbortSignal\.timeout\(\s*\d/
  const named =
    /\bconst \w*(PATIENCE|TIMEOUT|DEADLINE|LEASE|SKEW|RETRY_AFTER|MAX_AGE|PAUSES|LIFETIME)\w*[^=\n]* = [[{\d]/
  const holders = files.filter((file) => {
    // The script of a page is text to the core.
    const code = readFileSync(file, 'utf8').replace(/`[^`]*`/g, '')
    return direct.test(code) || named.test(code)
  })
  expect(holders.map((file) => file.slice(root.length))).toEqual([])
})
