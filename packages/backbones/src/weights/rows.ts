import { check, fromFloat32, type StoredTensor, toFloat32 } from '@peft/core';
import type { QuantizedMatrix, QuantizedSource } from '@peft/core/engine';

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Stacks weights in 8 bits. */
function joinQuantized(sources: readonly QuantizedSource[]): QuantizedSource {
  const join = (matrices: readonly QuantizedMatrix[]): QuantizedMatrix => ({
    values: new Int8Array(joinBytes(matrices.map(({ values }) => bytesOf(values))).buffer as ArrayBuffer),
    scales: new Float32Array(joinBytes(matrices.map(({ scales }) => bytesOf(scales))).buffer as ArrayBuffer),
  });
  return {
    read: async () => join(await Promise.all(sources.map(source => source.read()))),
    readSync: () => join(sources.map(source => source.readSync())),
  };
}

/** Stacks tensors along their first axis, when the bytes are asked for. */
export function joinRows(tensors: readonly StoredTensor[]): StoredTensor {
  const [first, second] = tensors;
  check(first, 'bad-argument', () => 'There are no tensors to stack.');
  if (!second) return first;
  const { dtype } = first;
  const rows = tensors.reduce((sum, { shape: [count = 0] }) => sum + count, 0);
  const same = tensors.every(tensor => tensor.dtype === dtype);
  const inDtype = ({ dtype, shape }: StoredTensor, bytes: Uint8Array): Uint8Array =>
    same ? bytes : fromFloat32(toFloat32({ dtype, shape, bytes }), shape).bytes;
  const quantized = tensors.flatMap(tensor => tensor.quantized ?? []);
  return {
    ...(quantized.length === tensors.length && { quantized: joinQuantized(quantized) }),
    dtype: same ? dtype : 'F32',
    shape: [rows, ...first.shape.slice(1)],
    get bytes() {
      return joinBytes(tensors.map(tensor => inDtype(tensor, tensor.bytes)));
    },
    read: async () =>
      joinBytes(
        await Promise.all(tensors.map(async tensor => inDtype(tensor, await (tensor.read?.() ?? tensor.bytes)))),
      ),
  };
}

/** Cuts a tensor along its first axis into equal parts, which are views, one for each name. */
export function splitRows(
  { dtype, shape, bytes }: StoredTensor,
  names: readonly string[],
): [name: string, part: StoredTensor][] {
  const size = bytes.length / names.length;
  const part = shape.map((length, axis) => (axis === 0 ? length / names.length : length));
  return names.map((name, i) => [name, { dtype, shape: part, bytes: bytes.subarray(i * size, (i + 1) * size) }]);
}
