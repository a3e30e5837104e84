import type { AdapterPlan } from '../adapted/plan.ts';
import { namesOf } from '../module/naming.ts';
import type { TensorReader } from './adapter-file.ts';

/**
 * Where peft keeps a parameter: the bias of an adapted module below `base_layer`. Another library's names for a fused
 * projection are several: its rows in order.
 */
export function savedKeys(path: string, { targets, naming }: AdapterPlan): string[] {
  return namesOf(naming, path).map(name => {
    const module = name.replace(/\.bias$/, '');
    const adapted = name.endsWith('.bias') && targets.some(target => target.path === module);
    return adapted ? `${module}.base_layer.bias` : name;
  });
}

/** The shape of one of `count` equal parts along the first axis. */
export const partShape = ([first, ...rest]: readonly number[], count: number): number[] =>
  first === undefined ? [] : [first / count, ...rest];

/** The key below the wrapper that peft puts round a module of `modules_to_save`. */
const wrappedKey = (path: string, part: 'modules_to_save' | 'original_module'): string =>
  path.replace(/[^.]*$/, name => `${part}.${name}`);

/**
 * Reads an adapter's copies of base parameters. With `bias: "all"` peft writes the biases of a saved module three times:
 * under their own keys, under `modules_to_save`, and, frozen and out of use, under `original_module`.
 */
export async function readSaved(plan: AdapterPlan, reader: TensorReader): Promise<void> {
  for (const [path, { base, own }] of plan.saved) {
    const keys = savedKeys(path, plan);
    const shape = partShape(own.layout.shape, keys.length);
    const size = base.size / keys.length;
    const parts: Float32Array[] = [];
    for (const [i, key] of keys.entries()) {
      const name = key.replace('.base_layer.', '.');
      const wrapped = wrappedKey(name, 'modules_to_save');
      reader.ignore(wrapped);
      reader.ignore(wrappedKey(name, 'original_module'));
      const isLeftOut = keys.length > 1 && !reader.has(key) && keys.some(other => reader.has(other));
      // Of a fused projection, the biases of the parts that are not adapted are the base's own.
      if (isLeftOut) parts.push((await base.getForFile()).subarray(i * size, (i + 1) * size));
      else parts.push(reader.take(reader.has(key) || !reader.has(wrapped) ? key : wrapped, shape));
    }
    own.setFromFile(concatenate(parts));
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const all = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
}
