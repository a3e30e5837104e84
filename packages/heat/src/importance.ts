import { fold, key } from '@peft/core';
import { drawUniform } from '@peft/core/engine';

/*
 * HEAT (arXiv 2404.08894; Heart-LoRA since v2): which attention heads matter to the task, and which to turn off.
 *
 * A gate g[l, h, c] = 1 multiplies component c of head h in layer l. To first order, taking the component out changes the
 * loss by
 *
 *     L(0) - L(1) ~ -dL/dg        so        TIS[l, h, c] = sum over batches |dL/dg[l, h, c]|
 *
 * Gates of q, of k and of the attention logits have the same derivative, as the logits are bilinear in q and k; so have
 * gates of v, of the attention map and of the head's output. What differs is thus the query-key side, `q`, and the value
 * side, `v`.
 */

/** A side of attention that has scores of its own: the query-key side, or the value side. */
export type Component = 'q' | 'v';

/** The scores of a layer's heads, for each side that was scored. */
export type LayerScores = Readonly<Partial<Record<Component, readonly number[]>>>;

/** The importance of a head from the scores of its sides. */
export interface Strategy {
  readonly name: string;
  /** The sides that are scored; with none, there is no score pass. */
  readonly components: readonly Component[];
  /**
   * The importance of each head of a layer.
   *
   * @param layer where the scores are from
   * @param side with `separateMasks`, the side that the mask is for
   */
  combine(scores: LayerScores, layer: { path: string; heads: number }, side?: Component): readonly number[];
}

const meanSize = (scores: readonly number[]): number =>
  scores.reduce((sum, score) => sum + Math.abs(score), 0) / scores.length;

/** Scaled to a mean size of 1; zeros stay zeros. */
export function toMeanOne(scores: readonly number[]): number[] {
  const mean = meanSize(scores);
  return scores.map(score => (mean === 0 ? 0 : score / mean));
}

const oneSide = (name: Component): Strategy => ({
  name,
  components: [name],
  combine: ({ [name]: scores = [] }) => scores,
});

/** TIS_qv = TIS_q / mean(TIS_q) + TIS_v / mean(TIS_v) */
const bothSides: Strategy = {
  name: 'qv',
  components: ['q', 'v'],
  combine(scores, _, side) {
    const { q = [], v = [] } = scores;
    if (side) return scores[side] ?? [];
    const tisV = toMeanOne(v);
    return toMeanOne(q).map((tisQ, head) => tisQ + tisV[head]!);
  },
};

/** Importances drawn by layer and side: the control. */
const atRandom = (seed: number): Strategy => ({
  name: 'random',
  components: [],
  combine: (_, { path, heads }, side = 'q') => [...drawUniform(fold(fold(key(seed), path), side), heads)],
});

/** The strategies that have names. */
export const namedStrategies = (seed: number): readonly Strategy[] => [
  oneSide('q'),
  oneSide('v'),
  bothSides,
  atRandom(seed),
];

/** A layer of attention whose heads are to be ranked. */
export interface RankedLayer {
  readonly path: string;
  readonly heads: number;
  /** Features of all heads together. */
  readonly width: number;
  readonly importance: readonly number[];
  /** The number of heads to turn off. */
  readonly off: number;
}

export type MaskScope = 'global' | 'layer' | 'allHeads';

/** The indices of the n smallest values in ascending order; of equal values the first come first. */
const smallest = (values: readonly number[], n: number): number[] =>
  [...values.entries()]
    .sort(([, a], [, b]) => a - b)
    .slice(0, n)
    .map(([i]) => i)
    .sort((a, b) => a - b);

/** c[h] = sum_l S[l, h] over the layers of one shape; the smallest c are off in all of them. */
function offTogether(layers: readonly RankedLayer[]): [string, number[]][] {
  const shapeOf = ({ heads, width }: RankedLayer): string => `${heads} of ${width}`;
  return layers.map(layer => {
    const peers = layers.filter(other => shapeOf(other) === shapeOf(layer));
    const sums = layer.importance.map((_, head) => peers.reduce((sum, { importance }) => sum + importance[head]!, 0));
    return [layer.path, smallest(sums, layer.off)];
  });
}

/** The smallest S[l, h] of all layers, but never all heads of one. */
function offAnywhere(layers: readonly RankedLayer[]): [string, number[]][] {
  const masks = layers.map(layer => ({ layer, off: [] as number[] }));
  const heads = masks.flatMap(mask => mask.layer.importance.map((score, head) => ({ mask, head, score })));
  let left = layers.reduce((sum, layer) => sum + layer.off, 0);
  for (const { mask, head } of heads.sort((a, b) => a.score - b.score)) {
    if (left === 0) break;
    if (mask.off.length === mask.layer.heads - 1) continue;
    mask.off.push(head);
    left--;
  }
  return masks.map(({ layer, off }) => [layer.path, off.sort((a, b) => a - b)]);
}

/**
 * The heads to turn off, by layer: the least important.
 *
 * - `global`: the same heads in all layers of one shape, by their sums over these layers
 * - `layer`: each layer's own
 * - `allHeads`: those of all layers ranked together; every layer keeps one
 *
 * @param normalizeLayers scales each layer's importances to a mean of 1, so that no layer outweighs the others
 * @param highest turns the most important off instead, which must do worse
 */
export function chooseOff(
  layers: readonly RankedLayer[],
  scope: MaskScope,
  { normalizeLayers = false, highest = false }: { normalizeLayers?: boolean; highest?: boolean } = {},
): Record<string, number[]> {
  const ranked = layers.map(layer => {
    const scaled = normalizeLayers ? toMeanOne(layer.importance) : layer.importance;
    return { ...layer, importance: highest ? scaled.map(score => -score) : scaled };
  });
  const choices: Record<MaskScope, () => [string, number[]][]> = {
    global: () => offTogether(ranked),
    layer: () => ranked.map(({ path, importance, off }) => [path, smallest(importance, off)]),
    allHeads: () => offAnywhere(ranked),
  };
  return Object.fromEntries(choices[scope]());
}
