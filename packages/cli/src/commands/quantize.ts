import { exportQuantized, quantizedMetadata } from '@peft/backbones';
import { check, isQuantizedDtype, Linear, modules, serializeSafetensors } from '@peft/core';
import { dequantizeMatrix, widenQuantized } from '@peft/core/engine';
import { writeAtomic } from '@peft/core/node';
import { openBackboneFor } from '@peft/run/node';
import { type Arguments, required } from '../arguments.ts';
import { openEager } from '../engine.ts';
import type { Output } from '../output/output.ts';
import { bytes as asBytes } from '../output/table.ts';

/** Sums of squares of numbers and of their changes. */
interface Squares {
  size: number;
  change: number;
}

const relative = ({ size, change }: Squares): number => Math.sqrt(change / size);

/** Writes a backbone's weights in 8 or 4 bits, and says how far they were rounded, and where most. */
export async function quantize(args: Arguments, output: Output): Promise<void> {
  const [, out, frozenDtype] = [required(args, 'backbone'), required(args, 'out'), required(args, 'frozenDtype')];
  check(isQuantizedDtype(frozenDtype), 'bad-argument', () => `--frozen-dtype is ${frozenDtype}; give int8 or int4.`);
  await openEager({ ...args, engine: 'cpu' }, output);
  const { frozenDtype: _, ...asStored } = args;
  const { model, layout = 'timm' } = await openBackboneFor(asStored, { notice: text => output.note(text) });
  const tensors = await exportQuantized(model, layout, frozenDtype);
  const written = widenQuantized(tensors, out).tensors;
  const total: Squares = { size: 0, change: 0 };
  let worst = { path: '', error: 0 };
  for (const [path, module] of modules(model)) {
    const stored = module instanceof Linear && written.get(`${path}.weight`)?.quantized;
    if (!stored) continue;
    const [exact, rounded] = [await module.weight.getForFile(), dequantizeMatrix(await stored.read())];
    const own: Squares = { size: 0, change: 0 };
    for (const [i, value] of exact.entries()) {
      own.size += value ** 2;
      own.change += (value - rounded[i]!) ** 2;
    }
    total.size += own.size;
    total.change += own.change;
    if (relative(own) > worst.error) worst = { path, error: relative(own) };
  }
  const file = serializeSafetensors(tensors, { format: 'pt', ...quantizedMetadata(frozenDtype) });
  await writeAtomic(out, file);
  const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;
  const error = relative(total);
  output.answer(
    `Wrote ${out} (${asBytes(file.length)}) in ${frozenDtype}: weights changed by ${percent(error)} of their size, ` +
      `most by ${percent(worst.error)} in ${worst.path}. Open it with --weights ${out} --frozen-dtype ${frozenDtype}.`,
    { out, bytes: file.length, dtype: frozenDtype, error, worst },
  );
}
