import { isCached, type OpenedBackbone, openBackbone, parseHubReference } from '@peft/backbones/node';
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
import { isHeadFor } from './classes.ts';

/** A backbone, adapted, and what belongs to it. */
export interface OpenedModel {
  readonly model: AdaptedModel;
  readonly backbone: OpenedBackbone;
  readonly preprocessing: Preprocessing;
  /** Class names in the order of the logits; nothing where no file gives them. */
  readonly labels: readonly string[] | undefined;
}

type ModelArguments = Pick<Arguments, 'backbone' | 'weights' | 'seed' | 'imageSize'>;

/** The model's size: that of data that is preprocessed already, what was asked for, or what an adapter was trained at. */
function imageSizeOf({ imageSize }: ModelArguments, dataset?: Dataset, trained?: Preprocessing) {
  if (dataset?.preprocessed) return [dataset.height, dataset.width] as const;
  if (imageSize) return [imageSize, imageSize] as const;
  return trained && ([trained.inputSize[1], trained.inputSize[2]] as const);
}

interface BaseOptions {
  /** Number of outputs of the head, if it is to differ from the file's. */
  classes?: number;
  /** Data that may be preprocessed, and so has a size already. */
  dataset?: Dataset;
  /** How the adapter's pictures were preprocessed. */
  trained?: Preprocessing;
}

async function openWith(
  args: ModelArguments,
  { classes, dataset, trained }: BaseOptions,
  output: Output,
): Promise<OpenedModel> {
  const { seed, weights } = args;
  const name = required(args as Arguments, 'backbone');
  const backbone = await openBackbone(name, {
    weights,
    classes,
    seed,
    imageSize: imageSizeOf(args, dataset, trained),
    onNotice: notice => output.note(notice),
  });
  const [height, width] = backbone.model.imageSize;
  output.note(`Backbone: ${backbone.name}, ${height}x${width} px, ${backbone.model.classes} classes`);
  return { model: adapt(backbone.model), backbone, preprocessing: backbone.preprocessing, labels: backbone.labels };
}

/** Opens a backbone without adapters, with its own head. */
export const openBase = (args: ModelArguments, output: Output, dataset?: Dataset): Promise<OpenedModel> =>
  openWith(args, { dataset }, output);

/**
 * Opens a backbone to be trained on a dataset. Its head stays where it was trained on the very classes of the data, by name,
 * and is replaced by a fresh one where it was not, even if it has as many.
 */
export async function openForTraining(args: ModelArguments, dataset: Dataset, output: Output): Promise<OpenedModel> {
  const opened = await openWith(args, { classes: dataset.classes.length, dataset }, output);
  const { model } = opened.backbone;
  if (isHeadFor(opened.labels, dataset)) return opened;
  model.replaceHead(dataset.classes.length);
  initialize(model, key(args.seed));
  return { ...opened, labels: dataset.classes };
}

/** How many classes an adapter folder's heads have. */
function classesOf({ adapters, card }: AdapterFolder): number | undefined {
  const heads = adapters.flatMap(({ file }) =>
    ['head.weight', 'head.fc.weight'].flatMap(name => file.tensors.get(name) ?? []),
  );
  return heads[0]?.shape[0] ?? card.labels?.length;
}

/** The backbone of an adapter. A stranger's file must not make this machine download what its user did not name. */
async function backboneOf({ backbone, yes }: Arguments, { card }: AdapterFolder, folder: string): Promise<string> {
  if (backbone !== undefined) return backbone;
  const name = card.backbone;
  check(name, 'bad-argument', () => `${folder} does not say what backbone it belongs to; give --backbone.`);
  const isHere = !name.startsWith('hf:') || (await isCached(parseHubReference(name)));
  check(isHere || yes, 'missing', () => {
    return `${folder} was trained on ${name}, which is not on this machine. Download it with --yes, or give --backbone.`;
  });
  return name;
}

/** Opens the backbone that an adapter folder was trained on, with its adapters. */
export async function openWithAdapter(
  args: Arguments,
  folder: string,
  output: Output,
  dataset?: Dataset,
): Promise<OpenedModel> {
  const opened = await openAdapterFolder(folder, factories);
  const { card } = opened;
  const backbone = await backboneOf(args, opened, folder);
  const trained = card.preprocessing as unknown as Preprocessing | undefined;
  const base = await openWith({ ...args, backbone }, { classes: classesOf(opened), dataset, trained }, output);
  await attachAdapterFolder(base.model, opened, await base.backbone.weightsHash());
  const { classes } = base.backbone.model;
  check(card.labels === undefined || card.labels.length === classes, 'bad-file', () => {
    return `${folder}/peft.json has ${count(card.labels?.length ?? 0)} labels, but the model has ${count(classes)} classes; give one label for each.`;
  });
  const names = opened.adapters.map(({ name, read }) => `${name} (${read.method.type})`).join(', ');
  output.note(`Adapters: ${names} from ${folder}`);
  const { inputSize } = base.preprocessing; // another than the trained one where --image-size says so
  return {
    ...base,
    preprocessing: { ...(trained ?? base.preprocessing), inputSize },
    labels: card.labels ?? base.labels,
  };
}

/** Opens what a command names: an adapter on its backbone, or a bare backbone. */
export const openModel = (args: Arguments, output: Output, dataset?: Dataset): Promise<OpenedModel> =>
  args.adapter !== undefined && !args.bare
    ? openWithAdapter(args, args.adapter, output, dataset)
    : openBase(args, output, dataset);

/** What an adapter folder tells of the model it was trained on. */
export const cardOf = async ({ backbone, preprocessing, labels }: OpenedModel): Promise<ModelCard> => ({
  backbone: backbone.source,
  weightsHash: await backbone.weightsHash(),
  ...(labels && { labels: [...labels] }),
  preprocessing: preprocessing as unknown as JsonObject,
});
