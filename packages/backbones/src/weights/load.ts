import { fromFloat32, loadState, parameters, type StoredTensor, toFloat32 } from '@peft/core';
import { type Backbone, headParameters } from '../backbone.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { detectNaming, findNaming } from './detect.ts';
import { type FileNaming, isExtra, isHead, translator } from './naming.ts';
import { resamplePositions } from './resample.ts';
import { joinRows } from './rows.ts';

export interface LoadBackboneOptions {
  /**
   * Whether the task may differ from the file's: a head that is missing from the file, or has another number of classes,
   * is left without values for `initialize` to draw.
   */
  newHead?: boolean;
}

/** A position embedding for the model's grid, if the file's has another and is square, as timm assumes. */
function fitPositions(model: VisionTransformer, stored: StoredTensor): StoredTensor {
  const wanted = model.pos_embed.shape;
  const side = Math.sqrt(stored.shape[1] - model.embeddedPrefix);
  const fits = stored.shape.length === 3 && stored.shape[2] === wanted[2] && Number.isInteger(side) && side > 0;
  if (!fits || stored.shape[1] === wanted[1]) return stored;
  const values = resamplePositions(toFloat32(stored), model.embeddedPrefix, [side, side], model.patch_embed.grid);
  return fromFloat32(values, wanted);
}

/**
 * Gives a backbone the weights of a file, in whichever known layout it is: timm's, transformers' (old names or those since
 * 5.9, query, key and value apart), or Microsoft's for Swin; F32, F16 or BF16.
 *
 * Position embeddings are resized to the model's picture size as timm does. Poolers, buffers and mask tokens are ignored;
 * anything else that is missing, unexpected or misshapen is reported in one error, before the model is changed. The numbers
 * are read when something first needs them, so `tensors` must stay as they are.
 *
 * @param source the file's name, for errors
 * @returns the layout, for `exportBackbone` to write the same
 * @throws PeftError `bad-file`
 */
export function loadBackbone(
  model: Backbone,
  { tensors }: { readonly tensors: ReadonlyMap<string, StoredTensor> },
  source: string,
  { newHead = false }: LoadBackboneOptions = {},
): FileNaming {
  const found = detectNaming(model, new Set(tensors.keys()));
  const naming = findNaming(model, found.id);
  const translate = translator(naming, found.prefix);
  const rest = new Map([...tensors].filter(([name]) => !isExtra(name)));
  const ours = new Map<string, StoredTensor>();
  const head = new Map(headParameters(model));
  for (const [path, { layout }] of parameters(model)) {
    const names = translate(path) ?? [];
    const parts = names.flatMap(name => tensors.get(name) ?? []);
    for (const name of names) rest.delete(name);
    if (parts.length === 0 || parts.length < names.length) continue;
    const joined = joinRows(parts);
    const tensor = model instanceof VisionTransformer && path === 'pos_embed' ? fitPositions(model, joined) : joined;
    const differs = String(tensor.shape) !== String(layout.shape);
    if (!(newHead && differs && head.has(path))) ours.set(path, tensor);
  }
  for (const [name, tensor] of rest) if (!(newHead && isHead(name, naming, found.prefix))) ours.set(name, tensor);
  loadState(model, ours, { source, optional: path => newHead && head.has(path) });
  for (const [path, parameter] of head) if (!ours.has(path)) parameter.fresh = true;
  return found;
}
