import { fromFloat32, getModule, type StoredTensor, toFloat32 } from '@peft/core';
import type { Backbone } from '../backbone.ts';
import { WindowAttention } from '../swin/window-attention.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { resizeRelativePositions } from './relative-positions.ts';
import { resamplePositions } from './resample.ts';

/** A tensor whose values are computed from another's when they are read. */
const derived = (
  stored: StoredTensor,
  shape: readonly number[],
  change: (values: Float32Array) => Float32Array,
): StoredTensor => {
  const resized = (bytes: Uint8Array): Uint8Array => {
    const { dtype, shape: before } = stored;
    return fromFloat32(change(toFloat32({ dtype, shape: before, bytes })), shape).bytes;
  };
  return {
    dtype: 'F32',
    shape,
    get bytes() {
      return resized(stored.bytes);
    },
    read: async () => resized(await (stored.read?.() ?? stored.bytes)),
  };
};

/** The side of a square that has this many cells, if there is one. */
const sideOf = (cells: number): number | undefined => {
  const side = Math.sqrt(cells);
  return Number.isInteger(side) && side > 0 ? side : undefined;
};

/** A position embedding for the model's grid, if the file's has another and is square, as timm assumes. */
function fitPositions(model: VisionTransformer, stored: StoredTensor): StoredTensor {
  const wanted = model.pos_embed.shape;
  const [, tokens = 0, features] = stored.shape;
  const side = sideOf(tokens - model.embeddedPrefix);
  if (stored.shape.length !== 3 || features !== wanted[2] || tokens === wanted[1] || !side) return stored;
  return derived(stored, wanted, values =>
    resamplePositions(values, model.embeddedPrefix, [side, side], model.patch_embed.grid),
  );
}

/** A table of relative positions for the windows of a block, if the file's is for others and square, as timm assumes. */
function fitTable({ window: [h, w], heads }: WindowAttention, stored: StoredTensor): StoredTensor {
  const wanted = [2 * h - 1, 2 * w - 1] as const;
  const [distances = 0, columns] = stored.shape;
  const side = sideOf(distances);
  if (stored.shape.length !== 2 || columns !== heads || distances === wanted[0] * wanted[1] || !side) return stored;
  return derived(stored, [wanted[0] * wanted[1], heads], values =>
    resizeRelativePositions(values, [side, side], wanted),
  );
}

const table = '.relative_position_bias_table';

/** A tensor of a file for a model that takes other pictures, or has other windows, than the one it was written from. */
export function fitTensor(model: Backbone, path: string, stored: StoredTensor): StoredTensor {
  if (model instanceof VisionTransformer) return path === 'pos_embed' ? fitPositions(model, stored) : stored;
  if (!path.endsWith(table)) return stored;
  const attention = getModule(model, path.slice(0, -table.length));
  return attention instanceof WindowAttention ? fitTable(attention, stored) : stored;
}
