import { checkFinite, fromFloat32, type Parameter, PeftError, parameters, type StoredTensor } from '@peft/core';
import type { Backbone } from '../backbone.ts';
import { findNaming } from './detect.ts';
import { type FileNaming, translator } from './naming.ts';
import { splitRows } from './rows.ts';

/** A parameter with its values in the order of files, and the names that a layout has for equal parts of its rows. */
interface NamedValues {
  readonly path: string;
  readonly parameter: Parameter;
  readonly values: Float32Array;
  readonly names: readonly string[];
}

/**
 * The parameters of a backbone as a layout names them.
 *
 * @throws PeftError `not-supported` if the layout has no place for one of them; `numerics` for one that is not finite
 */
export async function* namedValues(model: Backbone, layout: string | FileNaming): AsyncGenerator<NamedValues> {
  const naming = findNaming(model, typeof layout === 'string' ? layout : layout.id);
  const translate = translator(naming, typeof layout === 'string' ? naming.prefixes[0] : layout.prefix);
  for (const [path, parameter] of parameters(model)) {
    const names = translate(path);
    if (!names) throw new PeftError('not-supported', `Layout "${naming.id}" has no name for ${path}; use "timm".`);
    const values = await parameter.getForFile();
    checkFinite(values, path);
    yield { path, parameter, values, names };
  }
}

/**
 * The backbone's weights under the names of a layout: what {@link loadBackbone} returned, or `timm`, `hf`, `hf-5.9`,
 * `hf-distilled`, `hf-dinov2` or (Swin) `microsoft`.
 *
 * @throws PeftError `not-supported` if the layout has no place for one of the model's parameters; `numerics` for a parameter
 * that is not finite
 */
export async function exportBackbone(
  model: Backbone,
  layout: string | FileNaming,
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for await (const { parameter, values, names } of namedValues(model, layout)) {
    const tensor = fromFloat32(values, parameter.layout.shape, dtype);
    for (const [name, part] of splitRows(tensor, names)) tensors.set(name, part);
  }
  return tensors;
}
