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
} from '@peft/core';
import type { Dataset } from '@peft/data';
import { isHeadFor } from './classes.ts';

/** A backbone with its weights. `openBackbone` of `@peft/backbones/node` opens one; a page makes one of bytes. */
export interface RunBackbone {
  readonly model: Backbone;
  readonly preprocessing: Preprocessing;
  /** Class names in the order of the logits; nothing where no file gives them. */
  readonly labels: readonly string[] | undefined;
  /** The architecture's name. */
  readonly name: string;
  /** What was asked for: a name, a folder, an address. */
  readonly source: string;
  /** SHA-256 of the file of the weights; nothing for random ones. */
  weightsHash(): Promise<string | undefined>;
}

/** A backbone, adapted, and what belongs to it. */
export interface RunModel<B extends RunBackbone = RunBackbone> {
  readonly model: AdaptedModel;
  readonly backbone: B;
  readonly preprocessing: Preprocessing;
  /** Class names in the order of the logits; nothing where no file gives them. */
  readonly labels: readonly string[] | undefined;
}

/** A backbone with its own head and no adapter. */
export const bareModel = <B extends RunBackbone>(backbone: B): RunModel<B> => ({
  model: adapt(backbone.model),
  backbone,
  preprocessing: backbone.preprocessing,
  labels: backbone.labels,
});

/** Whether a head was replaced, so that no file has its values. */
const hasNewHead = (model: Backbone): boolean => [...parameters(model)].some(([, { fresh }]) => fresh);

function replaceHead(model: Backbone, classes: number, seed: number): void {
  model.replaceHead(classes);
  initialize(model, key(seed));
}

/**
 * A backbone to be trained on a dataset. Its head stays where it was trained on the very classes of the data, by name, and is
 * replaced by a new one where it was not, even if it has as many.
 */
export function modelFor<B extends RunBackbone>(backbone: B, dataset: Dataset, seed: number): RunModel<B> {
  const bare = bareModel(backbone);
  if (isHeadFor(backbone.labels, dataset) && !hasNewHead(backbone.model)) return bare;
  replaceHead(backbone.model, dataset.classes.length, seed);
  return { ...bare, labels: dataset.classes };
}

/** How many classes an adapter folder's heads have; nothing where it does not tell. */
export function headClasses({ adapters, card }: AdapterFolder): number | undefined {
  const heads = adapters.flatMap(({ file }) =>
    ['head.weight', 'head.fc.weight'].flatMap(name => file.tensors.get(name) ?? []),
  );
  return heads[0]?.shape[0] ?? card.labels?.length;
}

/**
 * A backbone with the adapters of a folder, with the labels and the preprocessing that they were trained with.
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
  const { inputSize } = backbone.preprocessing; // another than the trained one where another size was asked for
  return {
    ...bare,
    preprocessing: { ...(trained ?? backbone.preprocessing), inputSize },
    labels: labels ?? backbone.labels,
  };
}

/** What an adapter folder tells of the model that it was trained on. */
export const cardOf = async ({ backbone, preprocessing, labels }: RunModel): Promise<ModelCard> => ({
  backbone: backbone.source,
  weightsHash: await backbone.weightsHash(),
  ...(labels && { labels: [...labels] }),
  preprocessing: preprocessing as unknown as JsonObject,
});
