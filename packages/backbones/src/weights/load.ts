import { check, loadState, parameters, type StoredTensor } from '@peft/core';
import { type Backbone, headParameters } from '../backbone.ts';
import { detectNaming, findNaming } from './detect.ts';
import { fitTensor } from './fit.ts';
import { type FileNaming, isExtra, isHead, translator } from './naming.ts';
import { joinRows } from './rows.ts';
import { unwrapNames } from './wrappers.ts';

export interface LoadBackboneOptions {
  /**
   * Whether the task may differ from the file's: a head that is missing from the file, or has another number of classes,
   * is left without values for `initialize` to draw.
   */
  newHead?: boolean;
}

/** Types of numbers that a model computes with; counters and masks beside them have others. */
const isFloat = ({ dtype }: StoredTensor): boolean => /^(F64|F32|F16|BF16)$/.test(dtype);

/** Refuses a parameter that is there, but as numbers of 8 bits or fewer. */
function checkReadable(names: readonly string[], others: readonly (readonly [string, StoredTensor])[], source: string) {
  const found = others.find(([name]) => names.some(wanted => name === wanted || name.endsWith(`.${wanted}`)));
  check(
    found === undefined,
    'not-supported',
    () => `${source}: ${found?.[0]} is of type ${found?.[1].dtype}; weights of F64, F32, F16 and BF16 are read.`,
  );
}

/**
 * Loads the weights of a file in any known layout: timm's, transformers' (old names or those since
 * 5.9, query, key and value apart), or Microsoft's for Swin; F64, F32, F16 or BF16; with what training tools put before
 * every name (`module.`, `_orig_mod.`, `model.`, `backbone.`, ...).
 *
 * Position embeddings and Swin's tables of relative positions are resized to the model's picture size as timm does. Poolers,
 * buffers, mask tokens and integers are ignored; anything else that is missing, unexpected or misshapen is reported in one
 * error, before the model is changed. The numbers are read when something first needs them, so the file must stay as it is;
 * one that is not finite is an error then.
 *
 * @param source the file's name, for errors
 * @returns the layout, for `exportBackbone` to write the same but for what stood before every name
 * @throws PeftError `bad-file`; `not-supported` for weights of 8 bits or fewer
 */
export function loadBackbone(
  model: Backbone,
  file: { readonly tensors: ReadonlyMap<string, StoredTensor> },
  source: string,
  { newHead = false }: LoadBackboneOptions = {},
): FileNaming {
  const asked = [...file.tensors].filter(([name]) => !isExtra(name));
  const tensors = unwrapNames(new Map(asked.filter(([, tensor]) => isFloat(tensor))), source);
  const others = asked.filter(([, tensor]) => !isFloat(tensor));
  const found = detectNaming(model, new Set(tensors.keys()));
  const naming = findNaming(model, found.id);
  const translate = translator(naming, found.prefix);
  const rest = new Map(tensors);
  const ours = new Map<string, StoredTensor>();
  const head = new Map(headParameters(model));
  for (const [path, { layout }] of parameters(model)) {
    const names = translate(path) ?? [];
    const parts = names.flatMap(name => tensors.get(name) ?? []);
    for (const name of names) rest.delete(name);
    if (parts.length === 0 || parts.length < names.length) {
      checkReadable(names, others, source);
      continue;
    }
    const tensor = fitTensor(model, path, joinRows(parts));
    const differs = String(tensor.shape) !== String(layout.shape);
    if (!(newHead && differs && head.has(path))) ours.set(path, tensor);
  }
  for (const [name, tensor] of rest) if (!(newHead && isHead(name, naming, found.prefix))) ours.set(name, tensor);
  loadState(model, ours, { source, optional: path => newHead && head.has(path) });
  for (const [path, parameter] of head) if (!ours.has(path)) parameter.fresh = true;
  return found;
}
