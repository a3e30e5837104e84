import type { Preprocessing } from '@peft/core';

/** What model.json says of model.onnx. */
export interface Card {
  /** The class names in the order of the logits. */
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
}
