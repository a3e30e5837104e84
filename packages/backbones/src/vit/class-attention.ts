import { attentionMap, dims, PeftError, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Backbone } from '../backbone.ts';
import { splitHeads } from './attention.ts';
import { firstTokens } from './first-tokens.ts';
import { VisionTransformer } from './vision-transformer.ts';

/** The backbone, if {@link classAttention} can tell of it; else why not. */
export function withClassToken(model: Backbone): VisionTransformer | { readonly missing: string } {
  if (!(model instanceof VisionTransformer))
    return { missing: 'Swin attends within windows; no token of it looks at the whole picture.' };
  return model.config.classToken ? model : { missing: 'This model has no class token; it averages its patches.' };
}

/**
 * How much the class token attends to each token, in each block and head: the first row of `softmax(q k^T / sqrt(d))`, with q and k
 * as the forward pass computes them, active adapters included. Each row sums to one. It is a step like any other, so that every
 * engine can run it; the caller disposes of the result.
 *
 * @param images `[B, H, W, 3]`, normalized
 * @returns `[B, depth, heads, N]`: first the tokens before the patches, then the patches row by row
 * @throws PeftError `not-supported` for a backbone without a class token
 */
export function classAttention(model: Backbone, images: tf.Tensor): tf.Tensor {
  const vit = withClassToken(model);
  if ('missing' in vit)
    throw new PeftError('not-supported', `There is no attention of a class token to show. ${vit.missing}`);
  const maps: tf.Tensor[] = [];
  const undo = vit.blocks.map(({ attn: { qkv, heads } }) =>
    patch(qkv, {
      output(y) {
        const [q, k] = splitHeads(y, heads); // [B, H, N, d]
        const [, , , width] = dims(q, 4);
        const map = attentionMap(firstTokens(q, 1, 2), k, width ** -0.5); // [B, H, 1, N]
        maps.push(tf.keep(tf.squeeze(map, [2])));
        return y;
      },
    }),
  );
  try {
    vit.tokens(images).dispose();
    return tf.stack(maps, 1);
  } finally {
    for (const take of undo) take();
    tf.dispose(maps);
  }
}
