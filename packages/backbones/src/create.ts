import { bindPaths } from '@peft/core';
import * as v from 'valibot';
import { classes as classesSchema, parse, size as sizeSchema } from './formats/schema.ts';
import { SwinTransformer } from './swin/swin-transformer.ts';
import { VisionTransformer } from './vit/vision-transformer.ts';
import type { BackboneDefinition } from './zoo/entry.ts';
import { lookupBackbone } from './zoo/zoo.ts';

/** Changes to a backbone's definition. */
export interface BackboneOptions {
  /** Outputs of the head; 0 for none. */
  classes?: number;
  /** Side of square pictures, or height and width, in pixels. Loaded position embeddings are resized to it. */
  imageSize?: number | readonly [height: number, width: number];
}

const optionsSchema = v.object({ classes: v.optional(classesSchema), imageSize: v.optional(sizeSchema) });

/**
 * A definition with options applied to it, in its configuration and its preprocessing.
 *
 * @throws PeftError `bad-config` for a number of classes or a size that no model has
 */
export function defineBackbone(
  definition: string | BackboneDefinition,
  options: BackboneOptions = {},
): BackboneDefinition {
  const found = typeof definition === 'string' ? lookupBackbone(definition) : definition;
  const { classes, imageSize } = parse(optionsSchema, options, 'backbone options');
  const changes = { ...(imageSize && { imageSize }), ...(classes !== undefined && { classes }) };
  const preprocessing = imageSize
    ? { ...found.preprocessing, inputSize: [3, ...imageSize] as const }
    : found.preprocessing;
  return found.architecture === 'vit'
    ? { architecture: 'vit', config: { ...found.config, ...changes }, preprocessing }
    : { architecture: 'swin', config: { ...found.config, ...changes }, preprocessing };
}

/**
 * Builds a backbone, by name or from a definition. Its parameters have shapes but no values, and take no memory, until
 * `loadBackbone` or `initialize`.
 *
 * @throws PeftError `no-match`, with the closest names, for a name that is not known
 */
export function createBackbone(
  definition: string | BackboneDefinition,
  options: BackboneOptions = {},
): VisionTransformer | SwinTransformer {
  const { architecture, config } = defineBackbone(definition, options);
  return bindPaths(architecture === 'vit' ? new VisionTransformer(config) : new SwinTransformer(config));
}
