import { fromFloat32, type StoredTensor, toFloat32 } from '@peft/core';

const rows = (tensors: readonly StoredTensor[]): readonly number[] => [
  tensors.reduce((sum, { shape }) => sum + shape[0], 0),
  ...tensors[0].shape.slice(1),
];

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Stacks tensors along their first axis, when the bytes are asked for. */
export function joinRows(tensors: readonly StoredTensor[]): StoredTensor {
  if (tensors.length === 1) return tensors[0];
  const [{ dtype }] = tensors;
  const same = tensors.every(tensor => tensor.dtype === dtype);
  const inDtype = ({ dtype, shape }: StoredTensor, bytes: Uint8Array): Uint8Array =>
    same ? bytes : fromFloat32(toFloat32({ dtype, shape, bytes }), shape).bytes;
  return {
    dtype: same ? dtype : 'F32',
    shape: rows(tensors),
    get bytes() {
      return joinBytes(tensors.map(tensor => inDtype(tensor, tensor.bytes)));
    },
    read: async () =>
      joinBytes(
        await Promise.all(tensors.map(async tensor => inDtype(tensor, await (tensor.read?.() ?? tensor.bytes)))),
      ),
  };
}

/** Cuts a tensor along its first axis into equal parts, which are views. */
export function splitRows({ dtype, shape, bytes }: StoredTensor, count: number): StoredTensor[] {
  const size = bytes.length / count;
  const part = [shape[0] / count, ...shape.slice(1)];
  return Array.from({ length: count }, (_, i) => ({
    dtype,
    shape: part,
    bytes: bytes.subarray(i * size, (i + 1) * size),
  }));
}
