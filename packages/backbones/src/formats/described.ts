import type { BackboneDefinition } from '../zoo/entry.ts';
import type { ModelFiles } from './model-files.ts';

/** What a folder's `config.json` says. */
export interface DescribedBackbone {
  /** The architecture's name; it can stand in a path. */
  readonly name: string;
  readonly definition: BackboneDefinition;
  /** Class names, in the order of the logits. */
  readonly labels: readonly string[] | undefined;
  /** The files as they are, for `saveBackbone` to write the same. */
  readonly files: ModelFiles;
}
