import type { Backbone } from '@peft/backbones';
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
  type Preprocessing,
  parameters,
  type QuantizedDtype,
} from '@peft/core';
import type { Dataset } from '@peft/data';
import { isHeadFor } from './classes.ts';

/** A backbone with its weights. `openBackbone` of `@peft/backbones/node` opens one; a page makes one of bytes. */
export interface RunBackbone {
  readonly model: Backbone;
  readonly preprocessing: Preprocessing;
  /** Class names in the order of the logits, if a file gives them. */
  readonly labels: readonly string[] | undefined;
  /** The architecture's name. */
  readonly name: string;
  /** The name, folder or address that it was opened by. */
  readonly source: string;
  /** How the weights of linear modules are kept, if in fewer bits than the file's. */
  readonly frozenDtype?: QuantizedDtype | undefined;
  /** SHA-256 of the weights file; undefined for random weights. */
  weightsHash(): Promise<string | undefined>;
}

/** An adapted backbone, with its preprocessing and class names. */
export interface RunModel<B extends RunBackbone = RunBackbone> {
  readonly model: AdaptedModel;
  readonly backbone: B;
  readonly preprocessing: Preprocessing;
  /** Class names in the order of the logits, if a file gives them. */
  readonly labels: readonly string[] | undefined;
}

/** Opens a backbone without adapters, with its own head. */
export const bareModel = <B extends RunBackbone>(backbone: B): RunModel<B> => ({
  model: adapt(backbone.model),
  backbone,
  preprocessing: backbone.preprocessing,
  labels: backbone.labels,
});

/** Whether a head was replaced by a new one, whose values are in no file. */
const hasNewHead = (model: Backbone): boolean => [...parameters(model)].some(([, { fresh }]) => fresh);

function replaceHead(model: Backbone, classes: number, seed: number): void {
  model.replaceHead(classes);
  initialize(model, key(seed));
}

/**
 * Prepares a backbone for training on a dataset. It keeps its head if that was trained on the classes of the dataset, by name;
 * otherwise it gets a new one, even for the same number of classes.
 */
export function modelFor<B extends RunBackbone>(backbone: B, dataset: Dataset, seed: number): RunModel<B> {
  const bare = bareModel(backbone);
  if (isHeadFor(backbone.labels, dataset) && !hasNewHead(backbone.model)) return bare;
  replaceHead(backbone.model, dataset.classes.length, seed);
  return { ...bare, labels: dataset.classes };
}

/** The number of classes of an adapter folder's heads, if it has any. */
export function headClasses({ adapters, card }: AdapterFolder): number | undefined {
  const heads = adapters.flatMap(({ file }) =>
    ['head.weight', 'head.fc.weight'].flatMap(name => file.tensors.get(name) ?? []),
  );
  return heads[0]?.shape[0] ?? card.labels?.length;
}

/**
 * Loads the adapters of a folder into a backbone, with the labels and the preprocessing that they were trained with.
 *
 * @throws PeftError `bad-file` for a folder that does not fit, or was trained on other weights
 */
export async function modelWithAdapter<B extends RunBackbone>(
  backbone: B,
  folder: AdapterFolder,
): Promise<RunModel<B>> {
  const { card, source } = folder;
  const wanted = headClasses(folder);
  if (wanted !== undefined && wanted !== backbone.model.classes) replaceHead(backbone.model, wanted, 0);
  const bare = bareModel(backbone);
  await attachAdapterFolder(bare.model, folder, await backbone.weightsHash());
  const { classes } = backbone.model;
  const { labels } = card;
  check(labels === undefined || labels.length === classes, 'bad-file', () => {
    return `${source}/peft.json has ${labels?.length} labels, but the model has ${classes} classes; give one label for each.`;
  });
  const trained = card.preprocessing as unknown as Preprocessing | undefined;
  const { inputSize } = backbone.preprocessing; // differs from the adapter's if the user asked for another size
  return {
    ...bare,
    preprocessing: { ...(trained ?? backbone.preprocessing), inputSize },
    labels: labels ?? backbone.labels,
  };
}

/**
 * What an adapter folder records of the model that it was trained on, so that it can be used without naming it again: for
 * `saveAdapters`.
 */
export const cardOf = async ({
  backbone,
  preprocessing,
  labels,
}: Pick<RunModel, 'backbone' | 'preprocessing' | 'labels'>): Promise<ModelCard> => ({
  backbone: backbone.source,
  weightsHash: await backbone.weightsHash(),
  ...(backbone.frozenDtype && { frozenDtype: backbone.frozenDtype }),
  ...(labels && { labels: [...labels] }),
  preprocessing: preprocessing as unknown as JsonObject,
});
