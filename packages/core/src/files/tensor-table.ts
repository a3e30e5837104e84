import { check } from '../errors.ts';
import type { ParameterSpec, TargetValues } from '../method/method.ts';
import type { Target } from '../method/targets.ts';
import { fromFileOrder, plainLayout, toFileOrder } from '../module/layout.ts';
import type { TensorReader } from './adapter-file.ts';
import { fromFloat32 } from './dtype.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** The tensors of a method in a file, each under its own key. */
export interface TensorTable {
  /** The stored tensors of a target. Targets that share a tensor each have a copy, as in Hugging Face peft. */
  specs(target: Target, targets: readonly Target[]): Readonly<Record<string, ParameterSpec>>;
  /** The key of a tensor, by its name and the target's id. */
  key(id: string, name: string): string;
}

/** The tensors of an adapter by their keys. */
export function writeTable({ specs, key }: TensorTable, all: TargetValues): Map<string, StoredTensor> {
  const targets = all.map(({ target }) => target);
  const entries = all.flatMap(({ target, values }) =>
    Object.entries(specs(target, targets)).map(([name, { shape, layout = plainLayout(shape) }]) => {
      const own = values[name];
      check(own, 'missing', () => `${target.id} has no values of "${name}" to write.`);
      return [key(target.id, name), fromFloat32(toFileOrder(own, layout), layout.shape)] as const;
    }),
  );
  return new Map(entries);
}

const areEqual = (a: Float32Array, b: Float32Array): boolean => a.every((value, i) => Object.is(value, b[i]));

/** The values of a target, in memory order. Copies of a shared tensor must be equal, which is noted by the reader. */
export function readTable(
  { specs, key }: TensorTable,
  target: Target,
  targets: readonly Target[],
  reader: TensorReader,
): Record<string, Float32Array> {
  const entries = Object.entries(specs(target, targets)).map(([name, spec]) => {
    const { shape, layout = plainLayout(shape), share = target.id } = spec;
    const [own, first] = [key(target.id, name), key(share, name)];
    const stored = reader.take(own, layout.shape);
    if (own !== first && !areEqual(stored, reader.take(first, layout.shape)))
      reader.report(`${own} differs from ${first}; these layers share one tensor`);
    return [name, fromFileOrder(stored, layout)] as const;
  });
  return Object.fromEntries(entries);
}
