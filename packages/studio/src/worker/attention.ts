import { classAttention, withClassToken } from '@peft/backbones';
import type { CompiledStep, Preprocessing } from '@peft/core';
import { decodeBlob, evalTransform } from '@peft/data';
import { bmpOf } from './bmp.ts';
import { sharedEngine } from './engine.ts';
import { inTurn, type Opened, openAdapter } from './opened.ts';
import type { Attention, LookJob } from './protocol.ts';

/** Steps by adapter: of the frozen model, and with the adapter. */
const steps = new Map<string, readonly [frozen: CompiledStep, adapted: CompiledStep]>();

async function stepsOf(id: string, { run }: Opened): Promise<readonly [CompiledStep, CompiledStep]> {
  const found = steps.get(id);
  if (found) return found;
  const engine = await sharedEngine();
  const compile = () => engine.compile(({ images }) => ({ attention: classAttention(run.backbone.model, images!) }));
  const made = [compile(), compile()] as const;
  steps.set(id, made);
  return made;
}

/** Normalized pixels as a picture file. */
function shown(pixels: Float32Array, { mean, std }: Preprocessing, height: number, width: number): Blob {
  const data = Uint8Array.from(pixels, (value, i) => Math.round(255 * (value * std[i % 3]! + mean[i % 3]!)));
  return bmpOf({ data, width, height });
}

/** How much the class token attends to each token of a picture, by the frozen model and with an adapter. */
export const attention = ({ adapter, picture }: LookJob): Promise<Attention | { readonly missing: string }> =>
  inTurn(async () => {
    const opened = await openAdapter(adapter);
    const { model, names, run } = opened;
    const vit = withClassToken(run.backbone.model);
    if ('missing' in vit) return vit;
    const { blocks, prefixTokens, patch_embed } = vit;
    const transform = evalTransform(run.preprocessing);
    const { height, width } = transform;
    const data = transform.apply(await decodeBlob(picture), 0);
    const [frozen, adapted] = await stepsOf(adapter.id, opened);
    const lookBy = async (step: CompiledStep, active: readonly string[]): Promise<Float32Array> => {
      model.use([...active]); // a step is recorded when it first runs
      const { attention } = await step.run({ images: { data, shape: [1, height, width, 3] } });
      return Float32Array.from(attention!.data);
    };
    return {
      picture: shown(data, run.preprocessing, height, width),
      grid: patch_embed.grid,
      depth: blocks.length,
      heads: blocks[0]?.attn.heads ?? 0,
      others: prefixTokens,
      frozen: await lookBy(frozen, []),
      adapted: await lookBy(adapted, names),
    };
  });
