import type { DescribedBackbone } from './described.ts';
import { describeTimm } from './timm.ts';
import { describeTransformers } from './transformers.ts';

/** Whether a `config.json` is transformers', which may have a `preprocessor_config.json` beside it; else it is timm's. */
export const isOfTransformers = (config: unknown): boolean =>
  typeof config === 'object' && config !== null && 'model_type' in config;

/**
 * Reads the configuration of a model in timm's or transformers' layout.
 *
 * @param source the file's name, for errors
 * @param processor the content of `preprocessor_config.json`, if there is one
 * @param newHead whether the file's own head is not wanted
 * @throws PeftError as `describeTimm` and `describeTransformers` do
 */
export const describeModel = (
  config: unknown,
  source: string,
  processor?: unknown,
  newHead = false,
): DescribedBackbone =>
  isOfTransformers(config)
    ? describeTransformers(config, source, processor, newHead)
    : describeTimm(config, source, newHead);
