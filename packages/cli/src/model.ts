import { isCached, type OpenedBackbone, parseHubReference } from '@peft/backbones/node';
import { type AdapterFolder, check } from '@peft/core';
import { openAdapterFolder } from '@peft/core/node';
import type { Dataset } from '@peft/data';
import { bareModel, factories, modelWithAdapter, type RunModel } from '@peft/run';
import { openBackboneFor } from '@peft/run/node';
import { type Arguments, required } from './arguments.ts';
import type { Output } from './output/output.ts';

/** An adapted backbone, with its preprocessing and class names. */
export type OpenedModel = RunModel<OpenedBackbone>;

/** Opens a backbone without adapters, with its own head. */
export async function openBase(args: Arguments, output: Output, dataset?: Dataset): Promise<OpenedModel> {
  required(args, 'backbone');
  return bareModel(await openBackboneFor(args, { dataset, notice: text => output.note(text) }));
}

/** The name of an adapter's backbone. A stranger's file must not start a download that the user did not ask for. */
async function backboneOf({ backbone, yes }: Arguments, { card, source }: AdapterFolder): Promise<string> {
  if (backbone !== undefined) return backbone;
  const name = card.backbone;
  check(name, 'bad-argument', () => `${source} does not say what backbone it belongs to; give --backbone.`);
  const isHere = !name.startsWith('hf:') || (await isCached(parseHubReference(name)));
  check(isHere || yes, 'missing', () => {
    return `${source} was trained on ${name}, which is not on this machine. Download it with --yes, or give --backbone.`;
  });
  return name;
}

/** Opens an adapter folder and the backbone that it was trained on, without joining them. */
export async function openAdapter(
  args: Arguments,
  folder: string,
  output: Output,
  dataset?: Dataset,
): Promise<{ adapter: AdapterFolder; backbone: OpenedBackbone }> {
  const adapter = await openAdapterFolder(folder, factories);
  const name = await backboneOf(args, adapter);
  const notice = (text: string): void => output.note(text);
  return { adapter, backbone: await openBackboneFor({ ...args, backbone: name }, { dataset, adapter, notice }) };
}

/** Opens the backbone that an adapter folder was trained on, with its adapters. */
export async function openWithAdapter(
  args: Arguments,
  folder: string,
  output: Output,
  dataset?: Dataset,
): Promise<OpenedModel> {
  const { adapter, backbone } = await openAdapter(args, folder, output, dataset);
  const opened = await modelWithAdapter(backbone, adapter);
  const names = adapter.adapters.map(({ name, read }) => `${name} (${read.method.type})`).join(', ');
  output.note(`Adapters: ${names} from ${folder}`);
  return opened;
}

/** Opens the model of a command: an adapter on its backbone, or a bare backbone. */
export const openModel = (args: Arguments, output: Output, dataset?: Dataset): Promise<OpenedModel> =>
  args.adapter !== undefined && !args.bare
    ? openWithAdapter(args, args.adapter, output, dataset)
    : openBase(args, output, dataset);
