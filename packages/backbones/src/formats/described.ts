import type { BackboneDefinition } from '../zoo/entry.ts';
import type { ModelFiles } from './model-files.ts';

/** The content of a folder's `config.json`. */
export interface DescribedBackbone {
  /** The architecture's name; safe in a path. */
  readonly name: string;
  readonly definition: BackboneDefinition;
  /** Class names, in the order of the logits. */
  readonly labels: readonly string[] | undefined;
  /** The files as read, so that `saveBackbone` writes the same. */
  readonly files: ModelFiles;
}
