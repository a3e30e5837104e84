import { type AdaptedModel, type AdapterFolder, attachAdapterFolder, readAdapterFolder } from '@peft/core';
import { factories, headClasses, modelWithAdapter, type RunModel } from '@peft/run';
import { openBackbone } from './backbone.ts';
import type { TrainedAdapter } from './protocol.ts';

/** An adapter on its base. Others share the base, so it is used `inTurn`, after `model.use(names)`. */
export interface Opened {
  readonly model: AdaptedModel;
  /** The names of its parts on the base. */
  readonly names: readonly string[];
  readonly run: RunModel;
}

const opened = new Map<string, Opened>();
/** One model for all adapters of a backbone with as many classes. */
const bases = new Map<string, RunModel>();

/** The folder under names that no other adapter has. */
function folderOf({ id, files }: TrainedAdapter): AdapterFolder {
  const folder = readAdapterFolder(files, id, factories);
  return { ...folder, adapters: folder.adapters.map(adapter => ({ ...adapter, name: `${id}-${adapter.name}` })) };
}

/** The base with the adapter on it. */
async function attached({ backbone }: TrainedAdapter, folder: AdapterFolder): Promise<RunModel> {
  const { name, file } = backbone;
  const key = JSON.stringify([name, file?.name, file?.size, headClasses(folder)]);
  const base = bases.get(key);
  if (!base) {
    const made = await modelWithAdapter(await openBackbone(backbone), folder);
    bases.set(key, made);
    return made;
  }
  await attachAdapterFolder(base.model, folder, await base.backbone.weightsHash());
  return { ...base, labels: folder.card.labels ?? base.labels };
}

/** Opens an adapter, once. */
export async function openAdapter(adapter: TrainedAdapter): Promise<Opened> {
  const found = opened.get(adapter.id);
  if (found) return found;
  const run = await attached(adapter, folderOf(adapter));
  const made = { model: run.model, names: run.model.active.map(({ name }) => name), run };
  opened.set(adapter.id, made);
  return made;
}

let last: Promise<unknown> = Promise.resolve();

/** Computes with adapters when those before are done, as they share a base. */
export function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const result = last.then(task);
  last = result.catch(() => {});
  return result;
}
