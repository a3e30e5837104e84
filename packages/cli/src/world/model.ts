import { type OpenedBackbone, openBackbone } from '@peft/backbones/node';
import {
  type AdaptedModel,
  type AdapterFolder,
  adapt,
  attachAdapterFolder,
  check,
  initialize,
  type JsonObject,
  key,
  type ModelCard,
} from '@peft/core';
import { openAdapterFolder } from '@peft/core/node';
import type { Dataset, Preprocessing } from '@peft/data';
import { type Arguments, required } from '../arguments.ts';
import { factories } from '../methods.ts';
import type { Output } from '../output/output.ts';
import { count } from '../output/table.ts';

/** A backbone, adapted, and what belongs to it. */
export interface OpenedModel {
  readonly model: AdaptedModel;
  readonly backbone: OpenedBackbone;
  readonly preprocessing: Preprocessing;
  readonly labels: readonly string[] | undefined;
}

/** The model's size: that of data that is preprocessed already, what was asked for, or what an adapter was trained at. */
function imageSizeOf({ imageSize }: Pick<Arguments, 'imageSize'>, dataset?: Dataset, trained?: Preprocessing) {
  if (dataset?.preprocessed) return [dataset.height, dataset.width] as const;
  if (imageSize) return [imageSize, imageSize] as const;
  return trained && ([trained.inputSize[1], trained.inputSize[2]] as const);
}

/** A head that was trained on other classes is replaced, even if there are as many. */
function withHeadFor(backbone: OpenedBackbone, dataset: Dataset | undefined, seed: number): OpenedBackbone {
  const { model, labels } = backbone;
  if (!dataset || String(labels) === String(dataset.classes)) return backbone;
  model.replaceHead(dataset.classes.length);
  initialize(model, key(seed));
  return { ...backbone, labels: dataset.classes };
}

/** Opens a backbone without adapters; with a fresh head if the data has other classes than the backbone. */
export async function openBase(
  args: Pick<Arguments, 'backbone' | 'weights' | 'seed' | 'imageSize'>,
  { classes, dataset, trained }: { classes?: number; dataset?: Dataset; trained?: Preprocessing },
  output: Output,
): Promise<OpenedModel> {
  const { seed, weights } = args;
  const name = args.backbone ?? required(args as Arguments, 'backbone');
  const opened = await openBackbone(name, { weights, classes, seed, imageSize: imageSizeOf(args, dataset, trained) });
  const backbone = withHeadFor(opened, classes === undefined ? undefined : dataset, seed);
  const [height, width] = backbone.model.imageSize;
  output.note(`Backbone: ${backbone.name}, ${height}x${width} px, ${backbone.model.classes} classes`);
  return { model: adapt(backbone.model), backbone, preprocessing: backbone.preprocessing, labels: backbone.labels };
}

/** How many classes an adapter folder's heads have. */
function classesOf({ adapters, card }: AdapterFolder): number | undefined {
  const heads = adapters.flatMap(({ file }) =>
    ['head.weight', 'head.fc.weight'].flatMap(name => file.tensors.get(name) ?? []),
  );
  return heads[0]?.shape[0] ?? card.labels?.length;
}

/** Opens the backbone that an adapter folder was trained on, with its adapters. */
export async function openWithAdapter(
  args: Arguments,
  folder: string,
  dataset: Dataset | undefined,
  output: Output,
): Promise<OpenedModel> {
  const opened = await openAdapterFolder(folder, factories);
  const { card } = opened;
  const backbone = args.backbone ?? card.backbone;
  check(backbone, 'bad-argument', () => `${folder} does not say what backbone it belongs to; give --backbone.`);
  const trained = card.preprocessing as unknown as Preprocessing | undefined;
  const base = await openBase({ ...args, backbone }, { classes: classesOf(opened), dataset, trained }, output);
  await attachAdapterFolder(base.model, opened, await base.backbone.weightsHash());
  const names = opened.adapters.map(({ name, read }) => `${name} (${read.method.type})`).join(', ');
  output.note(`Adapters: ${names} from ${folder}`);
  const { inputSize } = base.preprocessing; // another than the trained one where --image-size says so
  return {
    ...base,
    preprocessing: { ...(trained ?? base.preprocessing), inputSize },
    labels: card.labels ?? base.labels,
  };
}

/** What an adapter folder tells of the model it was trained on. */
export const cardOf = async (
  { backbone, preprocessing }: OpenedModel,
  labels: readonly string[],
): Promise<ModelCard> => ({
  backbone: backbone.source,
  weightsHash: await backbone.weightsHash(),
  labels: [...labels],
  preprocessing: preprocessing as unknown as JsonObject,
});

/** The classes of the data must be those of the model. */
export function checkClasses(model: OpenedModel, dataset: Dataset): void {
  const { classes } = model.backbone.model;
  check(classes === dataset.classes.length, 'bad-argument', () => {
    return `The model has ${count(classes)} classes, ${dataset.name} has ${count(dataset.classes.length)}; they must be the same.`;
  });
}
