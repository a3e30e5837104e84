import type { JsonObject, Preprocessing } from '@peft/core';
import * as v from 'valibot';
import type { BackboneDefinition } from '../zoo/entry.ts';
import { lookupBackbone } from '../zoo/zoo.ts';
import type { DescribedBackbone } from './described.ts';
import { labelNames, orderLabels } from './labels.ts';
import { choice, classes, cropPct, mean, object, parse, side, std, text } from './schema.ts';
import { readArguments } from './timm-arguments.ts';

const pretrainedFields = {
  input_size: v.nullish(
    v.strictTuple([v.literal(3, '3, for red, green and blue'), side, side], 'a list of three: 3, height and width'),
  ),
  interpolation: v.nullish(choice('bicubic', 'bilinear', 'lanczos', 'box', 'nearest')),
  crop_pct: v.nullish(cropPct),
  crop_mode: v.nullish(choice('center', 'squash', 'border')),
  mean: v.nullish(mean),
  std: v.nullish(std),
  num_classes: v.nullish(classes),
  global_pool: v.nullish(text),
  label_names: v.nullish(labelNames),
  label_offset: v.nullish(v.literal(0, '0: a head with more classes than the labels is not supported')),
};

const architectureName = v.pipe(
  v.string('the name of an architecture'),
  v.maxLength(128, 'a name of at most 128 letters'),
  v.regex(/^\w[\w-]*(\.[\w-]+)*$/, 'a name of letters, digits, "_", "-" and single dots'),
);

/** `config.json`; files of before 2023 hold all of `pretrained_cfg` beside the architecture. */
const fileFields = object({
  architecture: architectureName,
  num_classes: v.nullish(classes),
  global_pool: v.nullish(text),
  label_names: v.nullish(labelNames),
  labels: v.nullish(labelNames),
  model_args: v.nullish(object({})),
  pretrained_cfg: v.nullish(object(pretrainedFields)),
});

type Pretrained = v.InferOutput<ReturnType<typeof object<typeof pretrainedFields>>>;

const preprocessingOf = (
  { interpolation, crop_pct, crop_mode, mean, std }: Pretrained,
  [height, width]: readonly [number, number],
  usual: Preprocessing,
): Preprocessing => ({
  inputSize: [3, height, width],
  interpolation: interpolation ?? usual.interpolation,
  cropPct: crop_pct ?? usual.cropPct,
  cropMode: crop_mode ?? usual.cropMode,
  mean: mean ?? usual.mean,
  std: std ?? usual.std,
});

/**
 * Reads the `config.json` of timm's folders on the Hub: a known architecture, what differs from it, and its pictures.
 *
 * @param source the file's name, for errors
 * @param newHead whether the file's own head is not wanted: class names that do not fit it are left out then
 * @throws PeftError `bad-config` that names the field, `no-match` for an unknown architecture, `not-supported` for what
 * would make another model
 */
export function describeTimm(json: unknown, source: string, newHead = false): DescribedBackbone {
  const config = parse(fileFields, json, source);
  const nested = config.pretrained_cfg ?? undefined;
  const pretrained = nested ?? parse(object(pretrainedFields), json, source);
  const name = config.architecture;
  const found = lookupBackbone(name);
  const { architecture } = found;
  const pool = { global_pool: pretrained.global_pool ?? config.global_pool };
  const args = {
    ...readArguments(pool, architecture, source),
    ...readArguments(config.model_args ?? {}, architecture, `${source}: model_args`),
  };
  const size = pretrained.input_size ?? found.preprocessing.inputSize;
  const count = config.num_classes ?? pretrained.num_classes;
  const changes = {
    imageSize: [size[1], size[2]] as const,
    ...(typeof count === 'number' && { classes: count }),
    ...args,
  };
  const imageSize = changes.imageSize;
  const preprocessing = preprocessingOf(pretrained, imageSize, found.preprocessing);
  const definition: BackboneDefinition =
    architecture === 'vit'
      ? { architecture, config: { ...found.config, ...changes }, preprocessing }
      : { architecture, config: { ...found.config, ...changes }, preprocessing };
  const names = config.label_names ?? pretrained.label_names ?? config.labels;
  const labels = orderLabels(names, definition.config.classes ?? 1000, `${source}: label_names`, newHead);
  return { name, definition, labels, files: { format: 'timm', config: json as JsonObject } };
}
