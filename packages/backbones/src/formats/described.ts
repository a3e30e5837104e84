import type { BackboneDefinition } from '../zoo/entry.ts';

/** What a folder's `config.json` says. */
export interface DescribedBackbone {
  readonly name: string;
  readonly definition: BackboneDefinition;
  /** Class names, in the order of the logits. */
  readonly labels: readonly string[] | undefined;
}
