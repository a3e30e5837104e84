import {
  check,
  fromFloat32,
  type Parameter,
  parameters,
  type QuantizedDtype,
  type StoredTensor,
  toFloat32,
} from '@peft/core';
import { fitsBlocks, quantizeBlocks, quantizeMatrix, roundToHalf, storeInt4, storeInt8 } from '@peft/core/engine';
import type { Backbone } from '../backbone.ts';
import { namedValues } from './export.ts';
import type { FileNaming } from './naming.ts';
import { splitRows } from './rows.ts';

/** How a parameter is written. */
type Kept = 'int4' | 'int8' | 'F16' | 'F32';

/** Weights of linear maps get the dtype that is asked for, but for the head's; with them, patch embeddings get the next one. */
function keptAs(path: string, { layout, isQuantizable }: Parameter, model: Backbone, dtype: QuantizedDtype): Kept {
  const isHead = model.classifiers.some(name => path === `${name}.weight`);
  if (isQuantizable && !isHead) return dtype === 'int4' && !fitsBlocks(layout.shape[1]!) ? 'int8' : dtype;
  if (dtype === 'int4') return isHead || layout.shape.length === 4 ? 'int8' : 'F16';
  return layout.shape.length > 1 ? 'F16' : 'F32';
}

function stored(name: string, values: Float32Array, shape: readonly number[], kept: Kept): [string, StoredTensor][] {
  const [rows = 1] = shape;
  if (kept === 'int4') return storeInt4(name, quantizeBlocks(values, rows, roundToHalf), rows);
  if (kept === 'int8') return storeInt8(name, quantizeMatrix(values, rows), shape);
  return [[name, fromFloat32(values, shape, kept)]];
}

/**
 * The backbone's weights in 8 or 4 bits, under the names of a layout, in the tensors of compressed-tensors. Files with them are
 * opened like others, and are much smaller.
 *
 * - `int8`: weights of linear maps in 8 bits with a scale for each output; the head's, patch and position embeddings in F16; biases
 *   and norms in F32.
 * - `int4`: weights of linear maps in 4 bits with a scale for each 32 inputs; the head's and patch embeddings in 8 bits; all else in
 *   F16.
 *
 * @throws PeftError `not-supported` for a model that is quantized already, or a layout that has no place for a parameter;
 * `numerics` for a parameter that is not finite
 */
export async function exportQuantized(
  model: Backbone,
  layout: string | FileNaming,
  dtype: QuantizedDtype,
): Promise<Map<string, StoredTensor>> {
  for (const [path, parameter] of parameters(model)) {
    check(!parameter.isQuantized, 'not-supported', () => {
      return `${path} is quantized already; quantize the weights that it was rounded from.`;
    });
  }
  const tensors = new Map<string, StoredTensor>();
  for await (const { path, parameter, values, names } of namedValues(model, layout)) {
    const kept = keptAs(path, parameter, model, dtype);
    for (const [name, part] of splitRows(fromFloat32(values, parameter.layout.shape), names)) {
      for (const entry of stored(name, toFloat32(part), part.shape, kept)) tensors.set(...entry);
    }
  }
  return tensors;
}

/** The fields of safetensors' metadata that say how a file is quantized, as compressed-tensors names it. */
export const quantizedMetadata = (dtype: QuantizedDtype): Record<string, string> => {
  const weights =
    dtype === 'int8'
      ? { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel' }
      : { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 32 };
  const rows = { num_bits: 8, type: 'int', symmetric: true, strategy: 'token', dynamic: true };
  const format = dtype === 'int8' ? 'int-quantized' : 'pack-quantized';
  const groups = { group_0: { targets: ['Linear'], weights, input_activations: rows } };
  return { quantization_config: JSON.stringify({ quant_method: 'compressed-tensors', format, config_groups: groups }) };
};
