import type { AdapterPlan } from '../adapted/plan.ts';
import type { TensorReader } from './adapter-file.ts';

/** Where peft keeps the bias of a module: below `base_layer` if the module is adapted. */
export function savedKey(path: string, { targets }: AdapterPlan): string {
  const module = path.replace(/\.bias$/, '');
  const adapted = path.endsWith('.bias') && targets.some(target => target.path === module);
  return adapted ? `${module}.base_layer.bias` : path;
}

/** The key below the wrapper that peft puts round a module of `modules_to_save`. */
const wrappedKey = (path: string, part: 'modules_to_save' | 'original_module'): string =>
  path.replace(/[^.]*$/, name => `${part}.${name}`);

/**
 * Reads an adapter's copies of base parameters. With `bias: "all"` peft writes the biases of a saved module three times:
 * under their own keys, under `modules_to_save`, and, frozen and out of use, under `original_module`.
 */
export function readSaved(plan: AdapterPlan, reader: TensorReader): void {
  for (const [path, { own }] of plan.saved) {
    const key = savedKey(path, plan);
    const wrapped = wrappedKey(path, 'modules_to_save');
    own.setFromFile(reader.take(reader.has(key) || !reader.has(wrapped) ? key : wrapped, own.layout.shape));
    reader.ignore(wrapped);
    reader.ignore(wrappedKey(path, 'original_module'));
  }
}
