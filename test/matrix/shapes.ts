import type { Place } from './gate.ts'
import type { Shape } from './shape.ts'
import { CLI_SHAPES } from './shapes-cli.ts'
import { DOCUMENT_SHAPES } from './shapes-documents.ts'
import { EDITOR_SHAPES } from './shapes-editors.ts'
import { HOSTED_SHAPES } from './shapes-hosted.ts'
import { SDK_SHAPES } from './shapes-sdk.ts'

/** Every client whose traffic is known well enough to be played. */
export const SHAPES: readonly Shape[] = [
  ...HOSTED_SHAPES,
  ...EDITOR_SHAPES,
  ...CLI_SHAPES,
  ...SDK_SHAPES,
  ...DOCUMENT_SHAPES,
]

/** Every place that some shape needs. */
export const PLACES: readonly Place[] = [
  'origin',
  'base path',
  'resource at the root',
  'loopback aliases',
  'client documents',
]
